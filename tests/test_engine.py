"""One engine: the app, migrations, doctor and /readyz connect with the same options and events."""

import json
from collections.abc import Iterator

import psycopg
import pytest

from .projects import Project
from .servers import execute
from .test_status import examine, readyz

# Where the app's options stand, and how its engine is listened to.
OPTIONS_MARK = '"pool_pre_ping": True,'


def set_options(project: Project, options: str) -> None:
    """Add keyword arguments of create_engine to the project's own."""
    if project.strategy == "flask-config":
        project.environment["FLASK_SQLALCHEMY_ENGINE_OPTIONS"] = options
        return
    engine = project.package / "database" / "engine.py"
    text = engine.read_text()
    assert text.count(OPTIONS_MARK) == 1
    engine.write_text(text.replace(OPTIONS_MARK, f"{OPTIONS_MARK}\n    **{options},"))


def listen(project: Project, event: str, body: str) -> None:
    """Have the app's engine listen to `event`, as an app does: in its extensions or engine.py."""
    listener = (
        "\n\nimport os\nimport sqlalchemy as sa\n\n\n"
        f"def on_event(*arguments, **keywords):\n    {body}\n"
    )
    if project.strategy == "flask-config":
        path = project.package / "extensions.py"
        call = f"\n\n_init_app = init_app\n\n\ndef init_app(app):\n    _init_app(app)\n    with app.app_context():\n        sa.event.listen(db.engine, {event!r}, on_event)\n"
    else:
        path = project.package / "database" / "engine.py"
        call = f"\n\n_listen = listen\n\n\ndef listen(engine):\n    _listen(engine)\n    sa.event.listen(engine, {event!r}, on_event)\n"
    path.write_text(path.read_text() + listener + call)


@pytest.mark.databases("postgresql")
def test_options_of_the_engine_hold_for_migrations_too(project: Project) -> None:
    project.sql("CREATE SCHEMA app")
    set_options(project, '{"connect_args": {"options": "-csearch_path=app"}}')
    assert examine(project, "empty")["current"] == []
    project.ok("alembic", "upgrade", "head")
    project.ok("flask", "db", "check")
    assert project.tables() == set()
    assert project.sql("SELECT count(*) FROM app.note") == [(0,)]
    examine(project, "up to date")
    assert readyz(project) == (200, {"status": "up to date"})


@pytest.fixture
def role(project: Project) -> Iterator[str]:
    """A role whose password only a listener knows; the server trusts it, so its name tells."""
    name = project.url.rpartition("/")[2] + "_app"
    execute("postgresql", f"CREATE ROLE {name} LOGIN")
    with psycopg.connect(project.url, autocommit=True) as connection:
        connection.execute(f"GRANT CREATE, USAGE ON SCHEMA public TO {name}")
    yield name
    with psycopg.connect(project.url, autocommit=True) as connection:
        connection.execute(f"DROP OWNED BY {name}")
    execute("postgresql", f"DROP ROLE {name}")


@pytest.mark.databases("postgresql")
def test_credentials_set_by_a_listener_hold_for_migrations_too(project: Project, role: str) -> None:
    url = project.url
    # Nobody of this name can log in: the listener gives another one, as for IAM tokens.
    project.url = url.replace("postgres@", "nobody_at_all@")
    listen(project, "do_connect", f"arguments[3].update(user={role!r})")
    project.ok("alembic", "upgrade", "head")
    examine(project, "up to date")
    assert readyz(project) == (200, {"status": "up to date"})
    owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'note'"
    project.url = url
    assert project.sql(owner) == [(role,)]


@pytest.mark.databases("postgresql")
def test_the_owners_url_keeps_its_own_credentials_and_the_options(
    project: Project, role: str
) -> None:
    project.sql("CREATE SCHEMA app")
    set_options(project, '{"connect_args": {"options": "-csearch_path=app"}}')
    listen(project, "do_connect", f"arguments[3].update(user={role!r})")
    project.ok("alembic", "upgrade", "head", MIGRATION_DATABASE_URL=project.url)
    owner = "SELECT schemaname, tableowner FROM pg_tables WHERE tablename = 'note'"
    assert project.sql(owner) == [("app", "postgres")]


@pytest.mark.databases("sqlite")
def test_a_connect_listener_is_heard_by_migrations(project: Project) -> None:
    listen(project, "connect", "open('heard', 'a').close()")
    project.ok("alembic", "upgrade", "head")
    assert (project.path / "heard").exists()


@pytest.mark.databases("sqlite")
def test_the_apps_own_connections_check_foreign_keys_and_write_ahead(project: Project) -> None:
    project.ok("alembic", "upgrade", "head")
    printed = project.python("""
import json
import sqlalchemy as sa
from shop.app import create_app
from shop.extensions import db
with create_app().app_context():
    pragmas = ("foreign_keys", "journal_mode")
    print(json.dumps([db.session.scalar(sa.text(f"PRAGMA {pragma}")) for pragma in pragmas]))
""")
    assert json.loads(printed) == [1, "wal"]


RECIPE = """

from sqlalchemy import event as _event

_listen = listen


def listen(engine):
    _listen(engine)

    @_event.listens_for(engine, "connect")
    def _no_implicit_begin(connection, record):
        connection.isolation_level = None

    @_event.listens_for(engine, "begin")
    def _begin(connection):
        connection.exec_driver_sql("BEGIN")
"""


@pytest.mark.databases("sqlite")
def test_an_engine_that_begins_its_own_transactions_loses_no_rows(project: Project) -> None:
    """The recipe of SQLAlchemy's documentation for transactional DDL on SQLite."""
    engine = project.package / "database" / "engine.py"
    engine.write_text(engine.read_text() + RECIPE)
    project.write_revision(
        "r1",
        """
op.create_table("parent", sa.Column("id", sa.Integer, primary_key=True), sa.Column("a", sa.Integer))
op.create_table(
    "child",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("parent_id", sa.Integer, sa.ForeignKey("parent.id", ondelete="CASCADE")),
)
op.execute("INSERT INTO parent (id, a) VALUES (1, 1), (2, 2)")
op.execute("INSERT INTO child (id, parent_id) VALUES (10, 1), (20, 2)")
""",
        down_revision="a1c0de000001",
    )
    project.ok("alembic", "upgrade", "r1")
    rebuild = (
        'with op.batch_alter_table("parent") as batch:\n    batch.alter_column("a", type_=sa.Text)'
    )
    failing = project.write_revision("r2", rebuild + "\nraise SystemExit('ouch')", "", "r1")
    project.run("alembic", "upgrade", "head")
    assert project.version() == ["r1"]
    assert project.sql("SELECT typeof(a) FROM parent") == [("integer",)] * 2
    failing.unlink()
    project.write_revision("r2", rebuild, down_revision="r1")
    project.ok("alembic", "upgrade", "head")
    assert project.sql("SELECT id FROM child ORDER BY id") == [(10,), (20,)]
    assert project.sql("SELECT typeof(a) FROM parent") == [("text",)] * 2


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("postgresql", "mysql")
@pytest.mark.strategies("env-var")
def test_a_connection_that_the_server_closed_costs_no_request(project: Project) -> None:
    kill = {
        "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        "mysql": "SELECT CONCAT('KILL ', id) FROM information_schema.processlist"
        " WHERE db = DATABASE() AND id <> CONNECTION_ID()",
    }[project.database]
    process = project.start(
        "python",
        "-c",
        "from shop.app import create_app\n"
        "client = create_app().test_client()\n"
        "for _ in range(2):\n"
        "    print(client.get('/notes/').status_code, flush=True)\n"
        "    input()\n",
        ENVIRONMENT="development",
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "200\n"
    found = project.sql(kill)
    assert len(found) >= 1
    if project.database == "mysql":
        for (statement,) in found:
            project.sql(statement)
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "200\n"
    process.communicate("\n")


def test_values_of_a_failing_statement_are_not_logged(project: Project) -> None:
    output = project.run(
        "python",
        "-c",
        "from shop.app import create_app\n"
        "from shop.models.note import Note\n"
        "from shop.extensions import db\n"
        "with create_app().app_context():\n"
        "    db.session.add(Note(text='s3cr3t'))\n"
        "    db.session.commit()\n",
    ).stderr
    assert "INSERT INTO note" in output
    assert "s3cr3t" not in output
