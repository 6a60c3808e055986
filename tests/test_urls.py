"""Where the URL comes from, what it may look like, and what is printed of it."""

import json

import pytest

from .projects import Project
from .servers import MYSQL, POSTGRESQL

SECRET = "s3cr3t-%@:/?#"
ENCODED = "s3cr3t-%25%40%3A%2F%3F%23"
SERVERS = {"postgresql": POSTGRESQL, "mysql": MYSQL}


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("value", ["prod", "", "dev elopment", "production;"])
def test_an_unknown_environment_is_refused_by_name(project: Project, value: str) -> None:
    for command in (("alembic", "upgrade", "head"), ("flask", "db", "upgrade")):
        output = project.refused(*command, ENVIRONMENT=value)
        assert f"ENVIRONMENT is {value!r}" in output
    assert not (project.path / "instance").exists()


@pytest.mark.databases("sqlite")
def test_the_environments_name_is_read_with_a_light_hand(project: Project) -> None:
    variables = {project.url_variable("production"): project.url}
    project.ok("alembic", "upgrade", "head", ENVIRONMENT=" Production ", **variables)
    assert "note" in project.tables()


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_no_environment_falls_back_to_anothers_database(project: Project) -> None:
    names = ("local", "development", "staging", "production")
    variables = {
        project.url_variable(name): f"sqlite:///{project.path.parent}/{name}.sqlite3"
        for name in names
    }
    for name in ("staging", "production"):
        others = {k: v for k, v in variables.items() if k != project.url_variable(name)}
        output = project.refused("alembic", "upgrade", "head", ENVIRONMENT=name, **others)
        assert project.url_variable(name) in output
    assert list(project.path.parent.glob("*.sqlite3")) == []
    for name in names:
        project.ok("alembic", "upgrade", "head", ENVIRONMENT=name, **variables)
        assert (project.path.parent / f"{name}.sqlite3").exists()


@pytest.mark.strategies("env-var")
@pytest.mark.parametrize("value", ["", "   ", "\t"])
def test_an_empty_variable_is_refused_by_name(project: Project, value: str) -> None:
    output = project.refused("alembic", "upgrade", "head", DATABASE_URL_DEV=value)
    assert "DATABASE_URL_DEV is empty" in output


@pytest.mark.databases("sqlite")
def test_env_file_is_read_from_anywhere_and_never_overrides(project: Project) -> None:
    variable, url = project.url_variable(), project.url
    project.url = ""
    (project.path / ".env").write_text(f'{variable}="{url}"\n', encoding="utf-8-sig")
    ini = str(project.path / "alembic.ini")
    assert project.run("alembic", "-c", ini, "upgrade", "head", cwd=project.path.parent)
    project.ok("flask", "db", "current")
    project.url = url
    assert "note" in project.tables()
    other = f"sqlite:///{project.path.parent}/other.sqlite3"
    project.ok("alembic", "upgrade", "head", **{variable: other})
    assert (project.path.parent / "other.sqlite3").exists()


@pytest.mark.databases("sqlite")
def test_an_unreadable_env_file_is_named(project: Project) -> None:
    (project.path / ".env").write_bytes(b"A=\xff\xfe\n")
    assert ".env cannot be read" in project.refused("alembic", "upgrade", "head")


def test_a_url_from_a_mounted_secret_works(project: Project) -> None:
    variable = {project.url_variable(): f" '{project.url}'\n"}
    project.ok("alembic", "upgrade", "head", **variable)
    assert "note" in project.tables()
    printed = project.python(f"""
from migrator.url import parse_url
for wrapping in ("{{}}\\n", " {{}} ", '"{{}}"', "'{{}}'\\n"):
    print(parse_url(wrapping.format({project.url!r}), "X") == parse_url({project.url!r}, "X"))
""")
    assert printed.split() == ["True"] * 4


NO_URLS = [
    "not a url",
    f"nosuchdb://user:{ENCODED}@host/db",
    f"postgresql//user:{ENCODED}@host/db",
    f"mysql://user:{SECRET}@host:port/db",
    "DATABASE_URL=sqlite:///app.sqlite3",
    "sqlite://app.sqlite3",
    "sqlite:///$HOME/app.sqlite3",
    "sqlite:///a\nb.sqlite3",
]


def test_what_is_no_url_is_refused_by_name(project: Project) -> None:
    variable = {"flask-config": "FLASK_SQLALCHEMY_DATABASE_URI", "env-var": "DATABASE_URL_DEV"}
    value = {project.url_variable(): NO_URLS[3]}
    for command in (("alembic", "upgrade", "head"), ("flask", "db", "upgrade")):
        output = project.refused(*command, **value)
        assert variable[project.strategy] in output
        assert "s3cr3t" not in output
    assert not (project.path / "instance").exists()
    # The rest in one process, for time's sake.
    printed = project.python(f"""
import os
from migrator.errors import SettingsError
from shop.database.migrations import PROJECT
for value in {NO_URLS!r}:
    os.environ[{project.url_variable()!r}] = value
    try:
        with PROJECT.context(None):
            PROJECT.engine()
    except SettingsError as error:
        print(error)
""")
    lines = printed.splitlines()
    assert len(lines) == len(NO_URLS), printed
    assert all(line.startswith(variable[project.strategy]) for line in lines), printed
    assert "s3cr3t" not in printed


@pytest.mark.databases("postgresql")
def test_postgres_urls_of_every_spelling_work(project: Project) -> None:
    for scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        url = project.url.replace("postgresql", scheme, 1)
        project.ok("alembic", "upgrade", "head", **{project.url_variable(): url})
        project.ok("flask", "db", "current", **{project.url_variable(): url})
    assert "note" in project.tables()


@pytest.mark.databases("postgresql", "mysql")
def test_any_password_works_and_is_never_printed(project: Project) -> None:
    user = project.url.rpartition("/")[2]
    if project.database == "postgresql":
        project.sql(f"CREATE ROLE {user} LOGIN SUPERUSER PASSWORD '{SECRET}'")
    else:
        project.sql(f"CREATE USER {user}@'%' IDENTIFIED BY '{SECRET}'")
        project.sql(f"GRANT ALL ON {user}.* TO {user}@'%'")
    try:
        scheme, _, rest = project.url.partition("://")
        url = f"{scheme}://{user}:{ENCODED}@{rest.partition('@')[2]}"
        end = project.run("alembic", "upgrade", "head", **{project.url_variable(): url})
        assert end.returncode == 0, end.stderr
        assert "s3cr3t" not in end.stdout + end.stderr
        assert "note" in project.tables()
        if project.database == "mysql":  # trusted connections ask for no password
            wrong = url.replace("s3cr3t", "wr0ng")
            output = project.refused("alembic", "current", **{project.url_variable(): wrong})
            assert "wr0ng" not in output
    finally:
        if project.database == "postgresql":
            project.sql(f"REASSIGN OWNED BY {user} TO postgres")
            project.sql(f"DROP ROLE {user}")
        else:
            project.sql(f"DROP USER {user}@'%'")


@pytest.mark.usefixtures("at_head")
@pytest.mark.strategies("env-var")
def test_a_user_who_may_not_migrate_is_told_whose_url_is_needed(project: Project) -> None:
    add = 'op.add_column("note", sa.Column("more", sa.Integer))'
    project.write_revision("r1", add, down_revision="a1c0de000001")
    name = project.url.rpartition("/")[2]
    if project.database == "sqlite":
        url = project.url.replace("sqlite:///", "sqlite:///file:") + "?mode=ro&uri=true"
    elif project.database == "postgresql":
        project.sql(f"CREATE ROLE {name} LOGIN")
        project.sql(f"GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA public TO {name}")
        url = project.url.replace("postgres@", f"{name}@")
    else:
        project.sql(f"CREATE USER {name}@'%'")
        project.sql(f"GRANT SELECT, UPDATE ON {name}.* TO {name}@'%'")
        url = project.url.replace("root@", f"{name}@")
    try:
        output = project.refused("alembic", "upgrade", "head", **{project.url_variable(): url})
    finally:
        if project.database == "postgresql":
            project.sql(f"DROP OWNED BY {name}")
            project.sql(f"DROP ROLE {name}")
        elif project.database == "mysql":
            project.sql(f"DROP USER {name}@'%'")
    reason = {
        "sqlite": "cannot be written: attempt to write a readonly database",
        "postgresql": "does not let its user migrate: must be owner of table note",
        "mysql": "does not let its user migrate: ALTER command denied to user",
    }
    assert reason[project.database] in output
    assert ("MIGRATION_DATABASE_URL" in output) == (project.database != "sqlite")
    assert project.version() == ["a1c0de000001"]


@pytest.mark.strategies("flask-config")
def test_a_url_object_in_the_config_works(project: Project) -> None:
    instance = project.path / "instance"
    instance.mkdir()
    url, project.url = project.url, ""
    text = f"from sqlalchemy import make_url\nSQLALCHEMY_DATABASE_URI = make_url({url!r})\n"
    (instance / "config.py").write_text(text)
    project.ok("alembic", "upgrade", "head")
    project.ok("flask", "db", "check")
    project.url = url
    assert "note" in project.tables()


@pytest.mark.databases("sqlite")
def test_the_app_context_decides_which_database_is_migrated(project: Project) -> None:
    other = project.path.parent / "other.sqlite3"
    project.python(f"""
from alembic import command
from alembic.config import Config
from shop.app import create_app

app = create_app({{"SQLALCHEMY_DATABASE_URI": "sqlite:///{other}"}})
with app.app_context():
    command.upgrade(Config("alembic.ini"), "head")
""")
    assert other.exists()
    assert not (project.path.parent / "test.sqlite3").exists()


@pytest.mark.databases("sqlite")
def test_percent_signs_survive(project: Project) -> None:
    url = f"sqlite:///{project.path.parent}/100%25.sqlite3"
    project.write_revision(
        "p1",
        "op.execute(\"INSERT INTO note (text) VALUES ('100%'), ('%(here)s %%')\")",
        down_revision="a1c0de000001",
    )
    project.ok("alembic", "upgrade", "head", **{project.url_variable(): url})
    project.url = f"sqlite:///{project.path.parent}/100%.sqlite3"
    assert project.sql("SELECT text FROM note ORDER BY id") == [("100%",), ("%(here)s %%",)]


@pytest.mark.databases("postgresql", "mysql")
def test_percent_signs_in_sql_survive(project: Project) -> None:
    statement = "INSERT INTO note (text) VALUES ('100%'), ('%(here)s %%')"
    project.write_revision("p1", f"op.execute({statement!r})", down_revision="a1c0de000001")
    project.ok("alembic", "upgrade", "head")
    assert project.sql("SELECT text FROM note ORDER BY id") == [("100%",), ("%(here)s %%",)]


@pytest.mark.databases("postgresql", "mysql")
def test_a_server_that_is_down_is_named_in_a_line(project: Project) -> None:
    url = f"{project.url.split('://')[0]}://user:s3cr3t@127.0.0.1:1/db"
    for command in (("alembic", "upgrade", "head"), ("flask", "db", "current")):
        output = project.refused(*command, **{project.url_variable(): url})
        assert "127.0.0.1:1" in output
        assert "s3cr3t" not in output
        assert len(output.splitlines()) <= 3


@pytest.mark.databases("sqlite")
def test_a_file_that_cannot_be_opened_is_named_in_a_line(project: Project) -> None:
    missing = f"{project.path.parent}/no/such/folder.sqlite3"
    output = project.refused(
        "alembic", "upgrade", "head", **{project.url_variable(): f"sqlite:///{missing}"}
    )
    assert missing in output
    other = project.path.parent / "text.sqlite3"
    other.write_text("this is no database, but a text of some length\n" * 40)
    output = project.refused(
        "alembic", "upgrade", "head", **{project.url_variable(): f"sqlite:///{other}"}
    )
    assert str(other) in output


def test_migrations_can_have_a_url_of_their_own(project: Project) -> None:
    owner, project.url = project.url, ""
    dead = {"sqlite": "sqlite:////no/such/app", "postgresql": "postgresql://h/app"}
    project.url = dead.get(project.database, "mysql://h/app")
    for command in (("alembic", "upgrade", "head"), ("flask", "db", "current")):
        project.ok(*command, MIGRATION_DATABASE_URL=owner)
    output = project.refused("alembic", "current", MIGRATION_DATABASE_URL=" ")
    assert "MIGRATION_DATABASE_URL is empty" in output
    project.url = owner
    assert "note" in project.tables()


def test_the_url_is_a_sqlalchemy_url_with_its_driver(project: Project) -> None:
    printed = project.python("""
import json
from shop.database.migrations import PROJECT
with PROJECT.context(None):
    url = PROJECT.engine().url
print(json.dumps([type(url).__name__, url.drivername]))
""")
    drivers = {"sqlite": "pysqlite", "postgresql": "psycopg", "mysql": "pymysql"}
    assert json.loads(printed) == ["URL", f"{project.database}+{drivers[project.database]}"]


@pytest.mark.databases("postgresql", "mysql")
@pytest.mark.strategies("env-var")
def test_a_password_in_the_query_is_not_printed_either(project: Project) -> None:
    scheme = project.url.split("://")[0]
    url = {project.url_variable(): f"{scheme}://user@127.0.0.1:1/db?password=s3cr3t"}
    for command in (("alembic", "current"), ("flask", "db", "doctor")):
        output = project.refused(*command, **url)
        assert "127.0.0.1:1" in output
        assert "s3cr3t" not in output


@pytest.mark.strategies("env-var")
def test_a_wrong_option_is_refused_in_a_line(project: Project) -> None:
    for option in {"sqlite": ["timeout=abc"]}.get(project.database, ["foo=bar", "ssl_ca=/no/such"]):
        if project.database == "postgresql":
            option = option.replace("ssl_ca", "sslrootcert") + "&sslmode=verify-full"
        output = project.refused(
            "alembic", "current", **{project.url_variable(): f"{project.url}?{option}"}
        )
        assert len(output.splitlines()) <= 2, output


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("flask-config")
def test_a_url_that_is_no_text_is_refused(project: Project) -> None:
    output = project.refused("alembic", "current", **{project.url_variable(): "123"})
    assert "SQLALCHEMY_DATABASE_URI is not a database URL" in output
