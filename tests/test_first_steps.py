"""The commands of a new project, run for real on each database."""

import re
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from .projects import SLUG, Project
from .test_one_at_a_time import wait_until

AUTHOR = '''class Author(Base):
    """Who writes."""

    __tablename__ = "author"

    id: Mapped[int] = mapped_column(sa.Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80), unique=True)
'''
CREATE = 'op.create_table("t", sa.Column("id", sa.Integer, primary_key=True))'


@contextmanager
def served(project: Project, *command: str, **variables: str) -> Iterator[str]:
    """Start a server with `command` and a free port, and yield its address when it answers."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    words = [word.format(port=port) for word in command]
    process = project.start(*words, **variables)
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, process.communicate()[0]
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=20).close()
        except urllib.error.HTTPError as error:
            error.close()
        except OSError:
            return False
        return True

    try:
        wait_until(answers)
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=60)


def fetch(address: str, data: bytes | None = None) -> tuple[int, str]:
    """Return the status and the text of a page."""
    try:
        with urllib.request.urlopen(address, data, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.example(True, False)
def test_its_own_tests_pass(project: Project) -> None:
    variables = {} if project.database == "sqlite" else {"TEST_DATABASE_URL": project.url}
    assert " passed" in project.ok("pytest", **variables)
    assert project.tables() == set()


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_postgresql_tests_start_a_server_of_their_own(project: Project) -> None:
    assert " passed" in project.ok("pytest")


@pytest.mark.databases("mysql")
@pytest.mark.strategies("env-var")
def test_mysql_tests_say_what_to_set(project: Project) -> None:
    assert "TEST_DATABASE_URL=mysql://" in project.refused("pytest")


@pytest.mark.strategies("env-var")
def test_tests_refuse_a_database_that_is_not_for_tests(project: Project) -> None:
    url = project.url.replace("test", "shop")
    assert "must name a test database" in project.refused("pytest", TEST_DATABASE_URL=url)


@pytest.mark.databases("postgresql", "mysql")
@pytest.mark.strategies("env-var")
def test_tests_say_that_their_server_does_not_answer(project: Project) -> None:
    project.environment["TEST_DATABASE_URL"] = re.sub(r":\d+/", ":1/", project.url)
    output = project.refused("pytest")
    assert "TEST_DATABASE_URL: Cannot connect to" in output
    assert "Traceback" not in output


def test_migrate_add_a_model_and_go_back(project: Project) -> None:
    project.ok("alembic", "upgrade", "head")
    assert project.tables() == {"alembic_version", "note"}
    project.ok("alembic", "check")

    project.write_model("author", AUTHOR)
    assert "author" in project.refused("alembic", "check")
    revision = project.autogenerate("add authors")
    assert revision is not None
    assert re.fullmatch(r"\d{8}_\d{6}_[0-9a-f]{12}_add_authors\.py", revision.name)
    project.ok("ruff", "format", "--check", "alembic")
    project.ok("ruff", "check", "alembic")
    project.ok("flask", "db", "upgrade")
    assert "author" in project.tables()
    project.ok("alembic", "check")
    assert project.autogenerate("nothing") is None

    project.ok("alembic", "downgrade", "base")
    assert project.tables() == {"alembic_version"}
    assert project.version() == []


@pytest.mark.strategies("env-var")
@pytest.mark.example(False)
def test_the_first_model_of_an_empty_project(project: Project) -> None:
    project.ok("alembic", "upgrade", "head")
    assert project.tables() == {"alembic_version"}
    project.write_model("author", AUTHOR)
    assert project.autogenerate("add authors")
    project.ok("alembic", "upgrade", "head")
    assert project.tables() == {"alembic_version", "author"}
    project.ok("alembic", "downgrade", "base")
    assert project.tables() == {"alembic_version"}


@pytest.mark.databases("sqlite")
def test_both_command_lines_share_one_history(project: Project) -> None:
    project.ok("flask", "db", "upgrade")
    current = project.ok("alembic", "current")
    assert "a1c0de000001 (head)" in current
    assert project.ok("flask", "db", "current") == current
    elsewhere = project.run(
        "alembic", "-c", str(project.path / "alembic.ini"), "current", cwd=project.path.parent
    )
    assert elsewhere.stdout == current

    project.write_model("author", AUTHOR)
    project.ok("flask", "db", "migrate", "-m", "add authors")
    assert len(project.revisions()) == 2
    assert "add authors" in project.ok("flask", "db", "history", "--verbose")
    project.ok("flask", "db", "-x", "key=value", "upgrade", "head")
    assert "migrate" in project.ok("flask", "db", "--help")
    project.refused("flask", "db", "no-such-command")


@pytest.mark.usefixtures("at_head")
def test_a_page_is_served(project: Project) -> None:
    with served(project, "flask", "run", "--port", "{port}") as address:
        assert fetch(f"{address}/")[0] == 200
        status, page = fetch(f"{address}/notes/")
        assert status == 200
        assert "There are no notes yet." in page
        assert fetch(f"{address}/notes/", b"text=milk")[0] == 400  # no CSRF token
        assert fetch(f"{address}/nowhere")[0] == 404


@pytest.mark.databases("sqlite")
def test_gunicorn_serves_and_refuses_a_missing_secret_key(project: Project) -> None:
    url = {project.url_variable("production"): project.url, "ENVIRONMENT": "production"}
    key = "SECRET_KEY" if project.strategy == "env-var" else "FLASK_SECRET_KEY"
    command = ("gunicorn", "wsgi:app", "--bind", "127.0.0.1:{port}")
    with served(project, *command, **url, **{key: "0123456789abcdef" * 2}) as address:
        assert fetch(f"{address}/healthz") == (200, '{"status":"ok"}\n')
    assert "SECRET_KEY is not set" in project.refused(*command[:2], "-b", "127.0.0.1:0", **url)
    assert "ENVIRONMENT is 'prod'" in project.refused(*command[:2], ENVIRONMENT="prod")
    # Migrating needs the URL and nothing else.
    project.ok("alembic", "upgrade", "head", **url)
    project.ok("flask", "db", "upgrade", **url)


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
@pytest.mark.example(False)
def test_without_the_example_there_is_no_revision_and_the_app_starts(project: Project) -> None:
    assert project.revisions() == []
    project.ok("alembic", "upgrade", "head")
    with served(project, "flask", "run", "--port", "{port}") as address:
        assert fetch(f"{address}/")[0] == 200
        assert fetch(f"{address}/notes/")[0] == 404


@pytest.mark.databases("sqlite")
def test_sqlite_needs_no_url_in_development(project: Project) -> None:
    project.url = ""
    project.ok("alembic", "upgrade", "head")
    assert (project.path / "instance" / "development.sqlite3").exists()
    project.ok("flask", "db", "upgrade", ENVIRONMENT="local")
    assert (project.path / "instance" / "local.sqlite3").exists()
    for environment in ("staging", "production"):
        for command in (("alembic", "upgrade", "head"), ("flask", "db", "upgrade")):
            output = project.refused(*command, ENVIRONMENT=environment)
            assert project.url_variable(environment) in output
    assert {path.name for path in (project.path / "instance").iterdir()} == {
        "development.sqlite3",
        "local.sqlite3",
    }


@pytest.mark.databases("sqlite")
def test_a_relative_path_means_one_file_from_any_directory(project: Project) -> None:
    variables = {project.url_variable(): "sqlite:///data.sqlite3"}
    ini = str(project.path / "alembic.ini")
    elsewhere = project.path.parent
    end = project.run("alembic", "-c", ini, "upgrade", "head", cwd=elsewhere, **variables)
    assert end.returncode == 0, end.stderr
    with served(project, "flask", "run", "--port", "{port}", **variables) as address:
        assert fetch(f"{address}/notes/")[0] == 200
    found = [path.relative_to(elsewhere) for path in elsewhere.rglob("data.sqlite3")]
    assert [str(path) for path in found] == [f"{SLUG}/instance/data.sqlite3"]


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("sqlite")
def test_a_broken_model_stops_what_compares_with_its_own_error(project: Project) -> None:
    (project.package / "models" / "broken.py").write_text("import no_such_module\n")
    folder = project.package / "models" / "billing"
    folder.mkdir()
    (folder / "invoice.py").write_text("")
    for command in (["alembic", "check"], ["alembic", "revision", "--autogenerate"]):
        end = project.run(*command)
        assert end.returncode != 0
        assert "No module named 'no_such_module'" in end.stderr
    assert len(project.revisions()) == 1
    if project.strategy == "env-var":
        for words in ("upgrade head", "current", "stamp head", "downgrade base"):
            project.ok("alembic", *words.split())
    (project.package / "models" / "broken.py").unlink()
    (folder / "invoice.py").write_text("import no_such_module\n")
    end = project.run("alembic", "check")
    assert "No module named 'no_such_module'" in end.stderr


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_revisions_are_written_without_ruff_too(project: Project) -> None:
    project.write_model("author", AUTHOR)
    # A module that is None in sys.modules cannot be found: as if ruff were not installed.
    hide = "import sys\nsys.modules['ruff'] = None\n"
    (project.path / "sitecustomize.py").write_text(hide)
    revision = project.autogenerate("add authors", PYTHONPATH=str(project.path))
    assert revision is not None
    project.ok("alembic", "upgrade", "head")
    assert "author" in project.tables()
