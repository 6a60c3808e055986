"""`flask db wait` and `python -m migrator.wait`: until the database fits this release."""

import json
import re
import signal
import subprocess
from pathlib import Path

import pytest

from .projects import Project
from .test_status import EXIT_CODES, HEAD, dead_url, examine, readyz, set_version

MODULE = ("python", "-m", "migrator.wait")
COMMANDS = (MODULE, ("flask", "db", "wait"))


def end_of_wait(project: Project, *command: str, **variables: str) -> tuple[int, list[str]]:
    """Let `command` look once, and return its exit code and what it printed on stderr."""
    end = project.run(*command, "--timeout", "0", **variables)
    assert "Traceback" not in end.stderr
    assert end.stdout == ""
    return end.returncode, end.stderr.splitlines()


def imported(project: Project) -> str:
    """Let a fresh process wait for a database that fits, and return all that it imported."""
    end = project.fresh().run("python", "-X", "importtime", *MODULE[1:], "--timeout", "0")
    assert end.returncode == 0, end.stderr
    return end.stderr


def add_revision(project: Project) -> None:
    """Add a revision as Alembic does, with its line in alembic/HEAD."""
    project.write_revision("r1", "pass", down_revision=HEAD)
    (project.path / "alembic" / "HEAD").write_text("r1\n")


def replace_in(path: Path, old: str, new: str) -> None:
    """Replace `old`, which a file has once."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, (path, old)
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.usefixtures("at_head")
def test_a_database_that_fits_ends_the_wait(project: Project) -> None:
    for command in COMMANDS:
        assert end_of_wait(project, *command) == (0, [])


@pytest.mark.usefixtures("at_head")
def test_in_env_var_only_the_driver_is_imported(project: Project) -> None:
    modules = imported(project)
    for library in ("sqlalchemy", "alembic.config", "flask"):
        assert (library in modules) == (project.strategy == "flask-config"), library


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_it_waits_for_the_migration(project: Project, command: tuple[str, ...]) -> None:
    waiting = project.start(*command, "--timeout", "100")
    project.ok("alembic", "upgrade", "head")
    output, _ = waiting.communicate(timeout=100)
    assert (waiting.returncode, output) == (0, "")


def test_a_limit_ends_it_with_the_words_and_the_code_of_doctor(project: Project) -> None:
    def is_as_doctor_says(state: str, **variables: str) -> None:
        found = examine(project, state, **variables)
        for command in COMMANDS:
            code, [sentence, *more] = end_of_wait(project, *command, **variables)
            assert (code, sentence) == (EXIT_CODES[state], found["sentence"])
            if state != "unreachable":
                assert more == [f"Next: {found['next']}"]

    is_as_doctor_says("empty")
    project.ok("alembic", "upgrade", "head")
    add_revision(project)
    is_as_doctor_says("behind")
    is_as_doctor_says("unreachable", **{project.url_variable(): dead_url(project)})
    _, lines = end_of_wait(project, *MODULE, **{project.url_variable(): dead_url(project)})
    assert "s3cr3t" not in "".join(lines)
    project.write_revision("r2", "pass", down_revision=HEAD)
    (project.path / "alembic" / "HEAD").write_text("r1\nr2\n")
    is_as_doctor_says("two heads")


@pytest.mark.usefixtures("at_head")
def test_the_database_of_a_newer_release_fits_as_readyz_says(project: Project) -> None:
    set_version(project, "r1")
    assert readyz(project)[0] == 200
    for command in COMMANDS:
        assert end_of_wait(project, *command) == (0, [])
    [config] = project.package.glob("config.py")
    replace_in(config, "READY_WHEN_AHEAD = True", "READY_WHEN_AHEAD = False")
    assert readyz(project)[0] == 503
    for command in COMMANDS:
        code, [sentence, _] = end_of_wait(project, *command)
        assert code == EXIT_CODES["ahead"]
        assert "a newer release migrated it" in sentence


@pytest.mark.example(False)
def test_a_project_without_a_revision_fits_an_empty_database(project: Project) -> None:
    for command in COMMANDS:
        assert end_of_wait(project, *command) == (0, [])


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_options_of_the_engine_are_used(project: Project) -> None:
    """With a search_path, another schema's version table counts."""
    project.sql("CREATE SCHEMA shop")
    engine = project.package / "database" / "engine.py"
    replace_in(
        engine,
        '    "pool_pre_ping": True,\n',
        '    "pool_pre_ping": True,\n    "connect_args": {"options": "-csearch_path=shop"},\n',
    )
    assert end_of_wait(project, *MODULE)[0] == EXIT_CODES["empty"]
    project.ok("alembic", "upgrade", "head")
    assert project.sql("SELECT version_num FROM shop.alembic_version") == [(HEAD,)]
    assert "sqlalchemy" in imported(project)


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_options_of_the_pool_need_no_engine(project: Project) -> None:
    project.ok("alembic", "upgrade", "head")
    engine = project.package / "database" / "engine.py"
    replace_in(engine, '"pool_pre_ping": True,', '"pool_pre_ping": True,\n    "pool_size": 2,')
    assert "sqlalchemy" not in imported(project)


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_a_pooler_needs_the_engine(project: Project) -> None:
    project.ok("alembic", "upgrade", "head")
    engine = project.package / "database" / "engine.py"
    replace_in(engine, "BEHIND_POOLER = False", "BEHIND_POOLER = True")
    assert "sqlalchemy" in imported(project)


@pytest.mark.databases("postgresql", "mysql")
@pytest.mark.strategies("env-var")
def test_events_of_the_engine_are_heard(project: Project) -> None:
    """A listener gives the credentials, which the URL lacks."""
    project.ok("alembic", "upgrade", "head")
    user = {"postgresql": "postgres", "mysql": "root"}[project.database]
    engine = project.package / "database" / "engine.py"
    replace_in(engine, "import Engine", "import Engine, event")
    with engine.open("a") as file:
        file.write(
            '\n    event.listen(engine, "do_connect", give_user)\n\n\n'
            "def give_user(dialect: Any, record: Any, args: Any, kwargs: dict[str, Any]) -> None:\n"
            f'    kwargs["user"] = "{user}"\n'
        )
    project.url = project.url.replace(f"//{user}@", "//nobody@")
    assert "sqlalchemy" in imported(project)


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_another_version_table_is_found(project: Project) -> None:
    wiring = project.package / "database" / "migrations.py"
    replace_in(wiring, "PROJECT = Project(\n", 'PROJECT = Project(\n    version_table="shop_v",\n')
    project.ok("alembic", "upgrade", "head")
    assert "sqlalchemy" in imported(project)


def test_wrong_settings_get_one_line(project: Project) -> None:
    name = project.url_variable()
    for command in COMMANDS:
        for value in ("", "nonsense", "oracle://user:s3cr3t@host/db"):
            code, [line] = end_of_wait(project, *command, **{name: value})
            assert code == 1
            assert name.removeprefix("FLASK_") in line
            assert "s3cr3t" not in line
        code, [line] = end_of_wait(project, *command, ENVIRONMENT="prod")
        assert (code, "ENVIRONMENT" in line) == (1, True)
        for seconds in ("-1", "soon"):
            assert "seconds from 0 on" in project.refused(*command, "--timeout", seconds)


URLS = {
    "sqlite": ("sqlite:///a.sqlite3", "sqlite:////srv/a-b/c.db", "sqlite:///~/a.db"),
    "postgresql": (
        "postgresql://h/db",
        " postgres://u@h/db\n",
        "postgresql+psycopg://u:p%40%2F@h:1/d%20b?sslmode=require",
        "postgresql://u:p@/db",
        "postgresql://u:p@h/db?host=a:1&host=b:2",
        "postgresql://u:p@[::1]/db",
        "postgresql://u:p+q@h/db?options=-c%20a%3Db+c",
        "'postgresql://u:p@h/db'",
        "postgresql://u:p@q@h/db",
    ),
    "mysql": (
        "mysql://u@h/db",
        "mariadb+pymysql://u:p%40@h:1/d%20b?charset=utf8mb3",
        "mysql://u:p@h/db?ssl_ca=x",
        "mysql://u:p+q@h/db",
    ),
}
COMPARED = """
import json, sys
from migrator.dialect.driver import arguments
from migrator.errors import SettingsError
from migrator.url import parse_url

for text in json.load(sys.stdin):
    found = arguments(text)
    try:
        url = parse_url(text, "the test")
    except SettingsError:
        url = None
    expected = None
    if url is not None:
        positional, expected = url.get_dialect()().create_connect_args(url)
        if url.drivername.startswith("sqlite"):
            expected = {"path": positional[0]}
        elif url.drivername.startswith("m"):
            expected |= {"port": url.port or 3306}
            expected.pop("client_flag", None)
    if found is not None:
        found = {name: str(value) for name, value in found.items()}
        expected = expected and {name: str(value) for name, value in expected.items()}
    print(json.dumps([text, found, expected]))
"""


@pytest.mark.strategies("env-var")
def test_a_url_means_what_it_means_to_sqlalchemy(generated: Project) -> None:
    """A URL that the driver's short way does not read is left to SQLAlchemy: None."""
    end = subprocess.run(
        ["python", "-c", COMPARED],
        cwd=generated.path,
        env=generated.variables(),
        input=json.dumps(URLS[generated.database]),
        capture_output=True,
        text=True,
        check=True,
    )
    read = 0
    for text, found, expected in map(json.loads, end.stdout.splitlines()):
        if found is not None:
            read += 1
            assert found == expected, text
    assert read >= 2


@pytest.mark.strategies("env-var")
@pytest.mark.databases("sqlite")
def test_a_signal_ends_it(project: Project) -> None:
    """In a container it is the first process, which ignores what it does not handle."""
    code = "import migrator.wait as w; w.INTERVAL = 0.01; print('.', flush=True); w.main()"
    with project.start("python", "-c", code) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == ".\n"
        # Before its handler is set, the signal would end it in another way.
        while not _handles(waiting.pid, signal.SIGTERM):
            pass
        waiting.send_signal(signal.SIGTERM)
        assert waiting.wait(60) == 128 + signal.SIGTERM


def _handles(process: int, number: int) -> bool:
    """Return whether a process has a handler for a signal, as Linux says."""
    [line] = re.findall(
        r"^SigCgt:\s*(\w+)$", Path(f"/proc/{process}/status").read_text(), re.MULTILINE
    )
    return bool(int(line, 16) & 1 << (number - 1))
