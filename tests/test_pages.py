"""The pages over HTTP: how the database is, before and after its migration, and every error."""

import json

import pytest

from .projects import SLUG, Project
from .test_first_steps import fetch, served

FLASK = ("flask", "run", "--port", "{port}")
UPGRADE = "<code>uv run alembic upgrade head</code>"
FAILING = f"""
import json, os
from flask import abort
from {SLUG}.app import create_app

app = create_app()

@app.get("/fail/<int:status>")
def fail(status):
    if status == 500:
        raise RuntimeError("s3cr3t")
    abort(status)

@app.get("/told")
def told():
    abort(403, "Only the <owner> may do this.")

client = app.test_client()
accept = {{"Accept": os.environ["ACCEPT"], "X-Request-ID": "of-this-request"}}
paths = ["/told", *(f"/fail/{{status}}" for status in (400, 403, 404, 405, 413, 429, 500, 503))]
answers = [client.get(path, headers=accept) for path in paths]
answers.append(client.put("/", headers=accept))
answers.append(client.post("/notes/", data={{"text": "milk"}}, headers=accept))
print(json.dumps([[a.status_code, dict(a.headers), a.text] for a in answers]))
"""


def failures(project: Project, accept: str) -> list[tuple[int, dict[str, str], str]]:
    """Return the status, the headers and the text of the answer to each kind of failure."""
    return [
        tuple(answer)
        for answer in json.loads(project.python(FAILING, ACCEPT=accept, ENVIRONMENT="development"))
    ]


@pytest.mark.strategies("flask-config")
def test_before_the_first_upgrade_pages_say_what_to_type(project: Project) -> None:
    # The debugger shows what no handler takes.
    with served(project, *FLASK, "--debug", "--no-reload") as address:
        status, page = fetch(f"{address}/notes/")
        assert status == 503
        assert "was never migrated" in page
        assert UPGRADE in page
        assert fetch(f"{address}/")[1].count(UPGRADE) == 2
        # The same process says so when that is done.
        project.ok("alembic", "upgrade", "head")
        assert fetch(f"{address}/notes/")[0] == 200
        assert "The database is up to date" in fetch(f"{address}/")[1]
        # Revisions are written while it runs.
        project.write_revision("newer", "pass", down_revision="a1c0de000001")
        assert "1 revision behind" in fetch(f"{address}/")[1]


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("sqlite")
@pytest.mark.strategies("flask-config")
def test_an_error_of_a_database_that_is_up_to_date_is_not_explained_away(project: Project) -> None:
    project.sql("DROP TABLE note")
    with served(project, *FLASK) as address:
        status, page = fetch(f"{address}/notes/")
        assert status == 500
        assert "Something went wrong on our side." in page


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_production_tells_nobody_how_the_database_is(project: Project) -> None:
    variables = {
        "ENVIRONMENT": "production",
        project.url_variable("production"): project.url,
        "SECRET_KEY": "0123456789abcdef0123456789abcdef",
    }
    with served(project, *FLASK, **variables) as address:
        status, page = fetch(f"{address}/notes/")
        assert status == 500
        assert "alembic" not in page
        status, page = fetch(f"{address}/")
        assert status == 200
        assert "never migrated" not in page
        assert str(project.path) not in page


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_every_error_has_a_page(generated: Project) -> None:
    for accept in ("text/html,application/xml;q=0.9,*/*;q=0.8", "*/*", "image/png"):
        answers = failures(generated, accept)
        assert [answer[0] for answer in answers] == [
            *(403, 400, 403, 404, 405, 413, 429, 500, 503, 405, 400)
        ]
        for _, headers, page in answers:
            assert headers["Content-Type"].startswith("text/html")
            assert "of-this-request" in page
            assert "Back to the start" in page
            assert "s3cr3t" not in page
        assert "Only the &lt;owner&gt; may do this." in answers[0][2]
        assert "GET" in answers[-2][1]["Allow"]
        assert "This form has expired." in answers[-1][2]


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
@pytest.mark.parametrize("accept", ["application/json", "application/json, text/plain, */*"])
def test_a_client_that_asks_for_json_gets_it(generated: Project, accept: str) -> None:
    for status, headers, text in failures(generated, accept):
        assert headers["Content-Type"] == "application/problem+json"
        assert "Accept" in headers["Vary"]
        problem = json.loads(text)
        assert problem["status"] == status
        assert problem["title"]
        assert problem["detail"]
        assert problem["request_id"] == "of-this-request"
        assert "s3cr3t" not in text


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("flask-config")
def test_an_untrusted_host_is_refused_without_a_page(generated: Project) -> None:
    code = f"""
from {SLUG}.app import create_app
client = create_app({{"TRUSTED_HOSTS": ["good.example"]}}).test_client()
print(client.get("/notes", base_url="http://evil.example").status_code)
"""
    assert generated.python(code).strip() == "400"
