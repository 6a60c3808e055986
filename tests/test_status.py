"""Each state of the database, brought about and recognised: doctor, /readyz, adopt, messages."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from .projects import Project
from .test_first_steps import AUTHOR, fetch, served

HEAD = "a1c0de000001"
EXIT_CODES = {
    "up to date": 0,
    "behind": 3,
    "ahead": 4,
    "empty": 5,
    "unstamped": 6,
    "two heads": 7,
    "unreachable": 8,
    "drifted": 9,
    "misconfigured": 10,
    "squashed": 11,
    "standby": 12,
}


def examine(project: Project, state: str, **variables: str) -> dict[str, Any]:
    """Let doctor look, which has to find `state`, and return its findings."""
    end = project.run("flask", "db", "doctor", "--json", **variables)
    assert end.returncode == EXIT_CODES.get(state), end.stdout + end.stderr
    assert "Traceback" not in end.stderr
    findings: dict[str, Any] = json.loads(end.stdout)
    assert findings["state"] == state
    return findings


def readyz(project: Project, **overrides: Any) -> tuple[int, Any]:
    """Return the status and the JSON that a new app answers."""
    printed = project.python(f"""
import json
from shop.app import create_app
answer = create_app({overrides!r}).test_client().get("/readyz")
print(json.dumps([answer.status_code, answer.json]))
""")
    status, answer = json.loads(printed)
    return status, answer


def set_version(project: Project, *revisions: str) -> None:
    """Let the database say that it is at `revisions`."""
    project.sql("DELETE FROM alembic_version")
    for revision in revisions:
        project.sql(f"INSERT INTO alembic_version VALUES ('{revision}')")


def dead_url(project: Project) -> str:
    """The URL of a database that is down, with a password in it."""
    if project.database == "sqlite":
        return "sqlite:////no/such/folder/app.sqlite3"
    return f"{project.url.split('://')[0]}://user:s3cr3t@127.0.0.1:1/db"


def test_an_empty_database(project: Project) -> None:
    found = examine(project, "empty")
    assert (found["next"], found["pending"]) == ("alembic upgrade head", [HEAD])
    assert found["current"] == []
    assert found["drift"] is None
    assert readyz(project) == (503, {"status": "empty"})


@pytest.mark.alternating
def test_a_database_with_tables_and_no_revision(project: Project) -> None:
    project.sql("CREATE TABLE note (id INTEGER)")
    assert examine(project, "unstamped")["next"] == "flask db adopt"
    assert readyz(project) == (503, {"status": "unstamped"})


@pytest.mark.usefixtures("at_head")
def test_a_database_that_is_up_to_date(project: Project) -> None:
    found = examine(project, "up to date")
    assert (found["next"], found["drift"], found["pending"]) == ("", [], [])
    assert found["current"] == [HEAD]
    versions = {"sqlite": "SQLite 3", "postgresql": "PostgreSQL 1", "mysql": "M"}
    assert versions[project.database] in found["server"]
    drivers = {"sqlite": "sqlite3", "postgresql": "psycopg", "mysql": "PyMySQL"}
    assert found["driver"].startswith(drivers[project.database])
    assert readyz(project) == (200, {"status": "up to date"})


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("sqlite")
def test_doctor_reads_each_revision_once(project: Project) -> None:
    (revision,) = project.revisions()
    revision.write_text(revision.read_text() + '\nprint("This revision is read.")\n')
    assert project.ok("flask", "db", "doctor").count("This revision is read.") == 1


@pytest.mark.usefixtures("at_head")
def test_a_database_behind_the_revisions(project: Project) -> None:
    project.write_revision("r1", "pass", down_revision=HEAD)
    found = examine(project, "behind")
    assert (found["next"], found["pending"]) == ("alembic upgrade head", ["r1"])
    assert "1 revision behind" in found["sentence"]
    assert readyz(project) == (503, {"status": "behind"})


@pytest.mark.alternating
@pytest.mark.usefixtures("at_head")
def test_two_heads_in_the_files(project: Project) -> None:
    for revision in ("r1", "r2"):
        project.write_revision(revision, "pass", down_revision=HEAD)
    found = examine(project, "two heads")
    assert sorted(found["next"].split()[-2:]) == ["r1", "r2"]
    assert readyz(project) == (503, {"status": "two heads"})


@pytest.mark.alternating
@pytest.mark.usefixtures("at_head")
def test_two_rows_that_a_merge_brings_together_are_behind(project: Project) -> None:
    merge_two_revisions(project)
    set_version(project, "r1", "r2")
    assert examine(project, "behind")["pending"] == ["m"]


@pytest.mark.alternating
@pytest.mark.usefixtures("at_head")
def test_two_rows_of_which_one_precedes_the_other(project: Project) -> None:
    merge_two_revisions(project)
    set_version(project, HEAD, "m")
    assert examine(project, "two heads")["next"] == "alembic stamp --purge m"


def merge_two_revisions(project: Project) -> None:
    """Write two revisions that follow the first one, and a third that merges them."""
    for revision in ("r1", "r2"):
        project.write_revision(revision, "pass", down_revision=HEAD)
    merge = project.write_revision("m", "pass")
    merge.write_text(merge.read_text().replace("= None", "= ('r1', 'r2')"))


@pytest.mark.alternating
@pytest.mark.usefixtures("at_head")
def test_a_database_ahead_of_the_revisions(project: Project) -> None:
    set_version(project, "r1")
    found = examine(project, "ahead")
    assert "a newer release migrated it" in found["sentence"]
    assert "'*r1*.py'" in found["next"]
    status, answer = readyz(project)
    assert (status, answer["status"]) == (200, "ahead")
    assert "r1" not in json.dumps(answer)
    assert readyz(project, READY_WHEN_AHEAD=False) == (503, {"status": "ahead"})


@pytest.mark.alternating
@pytest.mark.usefixtures("at_head")
def test_a_database_that_is_not_what_the_models_say(project: Project) -> None:
    project.write_model("author", AUTHOR)
    found = examine(project, "drifted")
    assert found["next"].startswith("alembic revision --autogenerate")
    assert any("op.create_table('author'" in line for line in found["drift"])
    assert readyz(project) == (200, {"status": "up to date"})


def test_a_database_that_does_not_answer(project: Project) -> None:
    project.url = dead_url(project)
    found = examine(project, "unreachable")
    assert found["next"]
    assert "s3cr3t" not in json.dumps(found)
    assert readyz(project) == (503, {"status": "unreachable"})


@pytest.mark.databases("sqlite")
def test_a_setting_that_is_wrong(project: Project) -> None:
    found = examine(project, "misconfigured", ENVIRONMENT="prod")
    assert "ENVIRONMENT is 'prod'" in found["sentence"]


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
@pytest.mark.example(False)
def test_a_project_without_revisions_is_up_to_date(project: Project) -> None:
    examine(project, "up to date")
    assert readyz(project) == (200, {"status": "up to date"})
    assert "There is no revision" in project.refused("flask", "db", "adopt")


@pytest.mark.alternating
def test_people_are_told_the_same(project: Project) -> None:
    end = project.run("flask", "db", "doctor")
    assert end.returncode == EXIT_CODES["empty"]
    assert end.stdout.splitlines()[1] == "Next: alembic upgrade head"
    assert f"pending    {HEAD}" in end.stdout
    assert {"doctor", "adopt"} <= set(project.ok("flask", "db", "--help").split())


@pytest.mark.databases("sqlite")
def test_the_urls_source_is_named(project: Project) -> None:
    url, project.url = project.url, ""
    variable = project.url_variable()
    default = "the default for development in migrator/dialect/urls.py"
    assert examine(project, "empty")["source"] == default
    if project.strategy == "flask-config":
        owner = "FLASK_MIGRATION_DATABASE_URL"
        class_ = "Local):\n    SQLALCHEMY_DATABASE_URI = 'sqlite:///other.sqlite3'\n"
        settings = project.package / "config.py"
        settings.write_text(settings.read_text().replace("Local):\n", class_))
        assert examine(project, "empty")["source"] == "Development in config.py"
        config = f"SQLALCHEMY_DATABASE_URI = {url!r}\n"
        (project.path / "instance" / "config.py").write_text(config)
        assert examine(project, "empty")["source"] == "instance/config.py"
        assert examine(project, "empty", **{owner: url})["source"] == f"{owner} in the environment"
    (project.path / ".env").write_text(f"{variable}={url}\n")
    found = examine(project, "empty")
    assert (found["source"], found["url"]) == (
        f"{variable} in .env",
        url.replace("sqlite", "sqlite+pysqlite", 1),
    )
    source = examine(project, "empty", **{variable: f"{url}.other"})["source"]
    assert source == f"{variable} in the environment"
    source = examine(project, "empty", MIGRATION_DATABASE_URL=url)["source"]
    assert source == "MIGRATION_DATABASE_URL in the environment"


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("postgresql", "mysql")
@pytest.mark.strategies("env-var")
def test_sessions_that_would_block_are_shown(project: Project) -> None:
    assert examine(project, "up to date")["blocking"] == []
    with project.connect() as holder:
        cursor = holder.cursor()
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM note")
        [session] = examine(project, "up to date")["blocking"]
        user = {"postgresql": "user postgres", "mysql": "user root"}
        assert user[project.database] in session
        assert "in a transaction since" in session
        if project.database == "postgresql":
            assert "idle in transaction" in session
            assert "holds note" in session
        cursor.execute("COMMIT")
    assert examine(project, "up to date")["blocking"] == []


@pytest.mark.databases("sqlite", "postgresql")
@pytest.mark.strategies("env-var")
def test_alembics_own_commands_say_what_to_type(project: Project) -> None:
    revise = ("alembic", "revision", "--autogenerate", "-m", "x")
    command: tuple[str, ...]
    for command in (revise, ("alembic", "check"), ("flask", "db", "migrate")):
        output = project.refused(*command)
        assert "Target database is not up to date. The database has none" in output
        assert "Next: alembic upgrade head" in output
    project.ok("alembic", "upgrade", "head")
    project.write_revision("r1", "pass", down_revision=HEAD)
    output = project.refused("alembic", "check")
    assert "is 1 revision behind, at a1c0de000001. Next: alembic upgrade head" in output
    assert "no_such" in project.refused("alembic", "upgrade", "no_such")
    project.write_revision("r2", "pass", down_revision=HEAD).rename(project.path / "r2.py")
    set_version(project, "r2")
    for command in (("upgrade", "head"), ("current",), ("check",), ("downgrade", "-1")):
        output = project.refused("alembic", *command)
        assert "is at revision r2, which this code does not have: a newer release" in output
    (project.path / "r2.py").rename(project.path / "alembic" / "versions" / "r2.py")
    set_version(project, HEAD)
    output = project.refused("alembic", "upgrade", "head")
    assert "Next: alembic merge" in output


@pytest.mark.strategies("env-var")
def test_a_release_that_was_rolled_back_serves(project: Project) -> None:
    newer = project.write_revision(
        "newer", 'op.add_column("note", sa.Column("more", sa.Integer))', down_revision=HEAD
    )
    project.ok("alembic", "upgrade", "head")
    newer.unlink()
    project.environment["ENVIRONMENT"] = "development"
    with served(project, "gunicorn", "wsgi:app", "--bind", "127.0.0.1:{port}") as address:
        status, page = fetch(f"{address}/readyz")
        assert status == 200
        assert json.loads(page)["status"] == "ahead"
        project.sql("INSERT INTO note (text) VALUES ('of the newer release')")
        assert "of the newer release" in fetch(f"{address}/notes/")[1]


@contextmanager
def hanging_server() -> Iterator[tuple[int, list[socket.socket]]]:
    """Accept every connection and never say a word; yield the port and the connections."""
    connections: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connections.append(server.accept()[0])
                except OSError:
                    return

        thread = Thread(target=accept)
        thread.start()
        yield server.getsockname()[1], connections
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection in connections:
        connection.close()


@pytest.mark.databases("postgresql", "mysql")
def test_a_database_that_hangs_holds_nothing_up(project: Project) -> None:
    with hanging_server() as (port, connections):
        parts = urlsplit(project.url)
        project.url = parts._replace(netloc=f"user:s3cr3t@127.0.0.1:{port}").geturl()
        # One worker, which serves one request at a time.
        command = ("gunicorn", "wsgi:app", "--workers", "1", "--bind", "127.0.0.1:{port}")
        project.environment["ENVIRONMENT"] = "development"
        with served(project, *command) as address:
            for _ in range(20):
                before = time.monotonic()
                assert fetch(f"{address}/readyz") == (503, '{"status":"unreachable"}\n')
                assert time.monotonic() - before < 2
                assert fetch(f"{address}/healthz")[0] == 200
            # One question at a time, however many are asked.
            assert len(connections) <= 2
        found = examine(project, "unreachable")
        assert f"127.0.0.1:{port}" in found["sentence"]
        assert "s3cr3t" not in json.dumps(found)


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("sqlite")
def test_doctor_works_when_the_app_does_not_start(project: Project) -> None:
    view = project.package / "views" / "home.py"
    text = view.read_text()
    view.write_text("import no_such_module\n" + text)
    assert examine(project, "up to date")["drift"] == []
    project.ok("flask", "db", "upgrade")
    for command in ("flask run --host db --port 0", "gunicorn wsgi:app -b 127.0.0.1:0"):
        end = project.run(*command.split())
        assert end.returncode != 0
        assert "No module named 'no_such_module'" in end.stderr
    view.write_text(text)
    (project.package / "models" / "broken.py").write_text("import no_such_module\n")
    sentence = examine(project, "misconfigured")["sentence"]
    assert sentence.endswith("No module named 'no_such_module' (shop/models/broken.py:1)")


@pytest.mark.databases("postgresql")
def test_doctor_works_when_a_setting_is_missing(project: Project) -> None:
    project.url = ""
    found = examine(project, "misconfigured")
    assert project.url_variable() in found["sentence"]
    output = project.refused("flask", "run", "--port", "0")
    assert project.url_variable() in output
    assert output.startswith("Error: ")
    assert len(output.splitlines()) == 1


@pytest.mark.alternating
def test_an_existing_database_is_adopted(project: Project) -> None:
    assert "Next: alembic upgrade head" in project.refused("flask", "db", "adopt")
    project.ok("alembic", "upgrade", "head")
    assert f"up to date, at {HEAD}" in project.ok("flask", "db", "adopt")
    # What is somebody else's is no difference.
    project.sql("CREATE TABLE others (id INTEGER)")
    project.sql("DROP TABLE alembic_version")
    examine(project, "unstamped")
    assert f"the database is at {HEAD}" in project.ok("flask", "db", "adopt")
    assert project.version() == [HEAD]
    examine(project, "up to date")


@pytest.mark.usefixtures("at_head")
@pytest.mark.strategies("env-var")
def test_a_database_that_differs_is_adopted_only_if_that_is_meant(project: Project) -> None:
    project.sql("DROP TABLE alembic_version")
    project.sql("ALTER TABLE note ADD COLUMN more INTEGER")
    output = project.refused("flask", "db", "adopt")
    assert "op.drop_column('note', 'more')" in output
    assert "--stamp-anyway" in output
    assert project.tables() == {"note"}
    project.ok("flask", "db", "adopt", "--stamp-anyway")
    assert project.version() == [HEAD]
    examine(project, "drifted")
