"""Poolers, standbys, failover, clusters, and MySQL's half-done revisions, on real servers."""

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from .clusters import Node, PostgreSQL, galera, pgbouncer, primary_and_standby, wait_until
from .conftest import Bake
from .projects import SLUG, Project
from .servers import POSTGRESQL
from .test_first_steps import fetch, served
from .test_one_at_a_time import TABLE, chain, pause, paused
from .test_status import HEAD, examine, readyz

At = Callable[[str, str], Project]


@pytest.fixture
def at(bake: Bake, tmp_path: Path) -> At:
    """Returns a project of the test's own for a database, at a URL."""

    def at(database: str, url: str) -> Project:
        generated = bake(database=database, url_strategy="env-var")
        path = tmp_path / SLUG
        shutil.copytree(generated.path, path)
        return Project(path, generated.answers, generated.bin, url)

    return at


def six_at_once(project: Project, urls: list[str], **variables: str) -> str:
    """Run five revisions from six processes at once, which all have to succeed."""
    chain(project, *(TABLE.format(f"t{number}") for number in range(1, 6)))
    processes = []
    for url in urls * (6 // len(urls)):
        named = {project.url_variable(): url} | variables
        processes.append(project.start("alembic", "upgrade", "head", **named))
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 6, "\n".join(outputs)
    assert project.version() == ["r5"]
    assert project.tables() >= {"note", "t1", "t2", "t3", "t4", "t5"}
    assert "".join(outputs).count("Running upgrade r4 -> r5") == 1
    return "".join(outputs)


@contextmanager
def started(project: Project, *command: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Start `command` and yield it; it does not outlive the block."""
    process = project.start(*command, **variables)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


# Poolers

LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_transaction_pooling_is_refused_and_read_through(project: Project) -> None:
    direct = project.url
    with pgbouncer("transaction") as pooler:
        project.url = direct.replace(POSTGRESQL, pooler)
        for command in (("upgrade", "head"), ("stamp", "head"), ("downgrade", "base")):
            output = project.refused("alembic", *command)
            assert "goes through a pooler" in output
            assert "Set MIGRATION_DATABASE_URL" in output
        assert project.tables() == set()
        assert "through a pooler" in examine(project, "empty")["server"]
        project.ok("alembic", "upgrade", "head", MIGRATION_DATABASE_URL=direct)
        assert examine(project, "up to date")["drift"] == []
        assert readyz(project) == (200, {"status": "up to date"})
        project.ok("alembic", "check")
        assert HEAD in project.ok("alembic", "current")
        assert project.sql(LOCKS) == [(0,)]
    project.url = direct
    assert "pooler" not in examine(project, "up to date")["server"]


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_session_pooling_is_right_where_it_is_allowed(project: Project) -> None:
    with pgbouncer("session") as pooler:
        through = project.url.replace(POSTGRESQL, pooler)
        six_at_once(project, [through], MIGRATION_THROUGH_POOLER="1")
        # The pooler keeps its connections, and gives them back clean.
        assert project.sql(LOCKS) == [(0,)]
        with psycopg.connect(through) as connection:
            assert connection.execute("SHOW lock_timeout").fetchone() == ("0",)


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_transaction_pooling_that_is_allowed_by_mistake_is_noticed(project: Project) -> None:
    variables = {"MIGRATION_THROUGH_POOLER": "1", "MIGRATION_WAIT": "1"}
    with pgbouncer("transaction", size=1) as pooler:
        project.url = project.url.replace(POSTGRESQL, pooler)
        project.run("alembic", "upgrade", "head", **variables)
        output = project.refused("alembic", "upgrade", "head", **variables)
        assert "MIGRATION_THROUGH_POOLER=1 is wrong here" in output


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_statement_pooling_is_refused_by_the_pooler(project: Project) -> None:
    with pgbouncer("statement") as pooler:
        project.url = project.url.replace(POSTGRESQL, pooler)
        output = project.refused("alembic", "upgrade", "head")
        assert "transaction blocks not allowed in statement pooling mode" in output


POSTS = """
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from shop.app import create_app

app = create_app({"WTF_CSRF_ENABLED": False, "PROPAGATE_EXCEPTIONS": False})

def post(number):
    return app.test_client().post("/notes/", data={"text": str(number)}).status_code

with ThreadPoolExecutor(8) as threads:
    print(dict(Counter(threads.map(post, range(300)))))
"""


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_an_app_that_knows_of_its_pooler_loses_no_request(project: Project) -> None:
    engine = project.package / "database" / "engine.py"
    text = engine.read_text()
    assert text.count("BEHIND_POOLER = False") == 1
    engine.write_text(text.replace("BEHIND_POOLER = False", "BEHIND_POOLER = True"))
    with pgbouncer("transaction") as pooler:
        project.url = project.url.replace(POSTGRESQL, pooler)
        assert project.python(POSTS, ENVIRONMENT="development") == "{303: 300}\n"


# Several hosts, standbys, failover


@pytest.fixture
def pair() -> Iterator[tuple[PostgreSQL, PostgreSQL]]:
    """A primary and its standby."""
    with primary_and_standby() as servers:
        yield servers


def both(*servers: PostgreSQL) -> str:
    """The URL of the one that writes, whichever that is."""
    hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in servers)
    return f"postgresql://postgres@/postgres?{hosts}&target_session_attrs=read-write"


def test_a_standby_is_recognised(pair: tuple[PostgreSQL, PostgreSQL], at: At) -> None:
    primary, standby = pair
    project = at("postgresql", standby.url)
    assert "standby" in examine(project, "standby")["sentence"]
    # The standby is named first.
    project.ok("alembic", "upgrade", "head", MIGRATION_DATABASE_URL=both(standby, primary))
    project.url = primary.url
    examine(project, "up to date")
    with psycopg.connect(primary.url) as connection:
        [(position,)] = connection.execute("SELECT pg_current_wal_lsn()")
    project.url = standby.url
    arrived = f"SELECT pg_last_wal_replay_lsn() >= '{position}'"
    wait_until(lambda: project.sql(arrived) == [(True,)])
    found = examine(project, "standby")
    assert "up to date" in found["sentence"]
    assert (found["next"], found["current"]) == ("", [HEAD])
    assert readyz(project) == (503, {"status": "standby"})
    end = project.run("python", "-m", "migrator.wait", "--timeout", "0")
    assert (end.returncode, end.stderr.splitlines()) == (12, [found["sentence"]])
    for command in (("upgrade", "head"), ("downgrade", "base"), ("stamp", "head")):
        output = project.refused("alembic", *command)
        assert "The server is a standby" in output
        assert "MIGRATION_DATABASE_URL" in output
    project.ok("alembic", "check")
    # An app that only reads may ask for one.
    project.url += "?target_session_attrs=standby"
    assert readyz(project) == (200, {"status": "up to date"})
    examine(project, "up to date")
    assert "The server is a standby" in project.refused("alembic", "upgrade", "head")


def test_a_failover_in_the_middle_of_an_upgrade(
    pair: tuple[PostgreSQL, PostgreSQL], at: At
) -> None:
    primary, standby = pair
    project = at("postgresql", both(primary, standby))
    chain(
        project,
        TABLE.format("t1"),
        TABLE.format("t2") + "\n" + pause(project) + "\n" + TABLE.format("u2"),
        TABLE.format("t3"),
    )
    # So that what is committed is on both.
    with psycopg.connect(primary.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        connection.execute("SELECT pg_reload_conf()")
    project.ok("alembic", "upgrade", HEAD)
    command = ("gunicorn", "wsgi:app", "--workers", "2", "--bind", "127.0.0.1:{port}")
    with served(project, *command, ENVIRONMENT="development") as address:
        assert fetch(f"{address}/notes/")[0] == 200
        with paused(project, "alembic", "upgrade", "head") as process:
            primary.kill()
            (project.path / "go").touch()
            output = process.communicate(timeout=120)[0]
        assert process.returncode != 0
        assert "Traceback" not in output
        assert "The connection to the database was lost" in output
        assert "Committed before that: r1." in output
        assert "Run the command again" in output
        standby.promote()
        project.ok("alembic", "upgrade", "head")
        # Each worker finds the new primary, by the first request that it gets.
        for _ in range(20):
            assert fetch(f"{address}/notes/")[0] == 200
    project.url = standby.url
    assert project.version() == ["r3"]
    assert project.tables() >= {"note", "t1", "t2", "u2", "t3"}


def test_doctor_says_what_to_type_when_the_server_refuses(
    pair: tuple[PostgreSQL, PostgreSQL], at: At
) -> None:
    primary, standby = pair
    where = f"127.0.0.1:{primary.port}"
    project = at("postgresql", f"postgresql://app:wrong@{where}/postgres")
    found = examine(project, "unreachable")
    assert found["next"] == f"psql -h 127.0.0.1 -p {primary.port} -U app -W postgres"
    project.url = f"postgresql://postgres@{where}/nowhere"
    found = examine(project, "unreachable")
    assert found["next"] == f"createdb -h 127.0.0.1 -p {primary.port} -U postgres nowhere"
    project.url = both(primary, standby)
    for server in (primary, standby):
        server.kill()
    assert examine(project, "unreachable")["next"] == "; ".join(
        f"pg_isready -h 127.0.0.1 -p {server.port}" for server in (primary, standby)
    )


@pytest.mark.strategies("env-var")
def test_libpqs_form_of_several_hosts_is_explained(generated: Project) -> None:
    project = generated
    scheme = {"sqlite": "sqlite", "postgresql": "postgresql", "mysql": "mysql"}[project.database]
    url = f"{scheme}://user:s3cr3t@one:5432,two:5432/shop"
    output = project.refused("alembic", "current", **{project.url_variable(): url})
    assert "names several hosts" in output
    assert "s3cr3t" not in output
    if project.database == "postgresql":
        assert "?host=one:5432&host=two:5432&target_session_attrs=read-write" in output


# Servers that speak the protocol only

NAMES = {
    "postgresql": [
        ("CockroachDB CCL v25.4.14 (x86_64-pc-linux-gnu, built 2025/11/05)", "CockroachDB"),
        ("PostgreSQL 11.2-YB-2.25.1.0-b0 on x86_64-pc-linux-gnu", "YugabyteDB"),
        ("PostgreSQL 15.12-YB-2025.1.0.0-b0 on x86_64-pc-linux-gnu", "YugabyteDB"),
        ("PostgreSQL 18.1 (Debian 18.1-1) on x86_64-pc-linux-gnu", ""),
    ],
    "mysql": [
        ("8.0.11-TiDB-v8.5.3 TiDB Server (Apache License 2.0) Community Edition", "TiDB"),
        ("8.0.40-Vitess Version: 22.0.0", "Vitess"),
        ("10.11.19-MariaDB-0+deb12u1 Debian 12", ""),
        ("9.7.0 MySQL Community Server - GPL", ""),
    ],
}


@pytest.mark.databases("postgresql", "mysql")
@pytest.mark.strategies("env-var")
def test_servers_without_the_locks_are_known_by_name(generated: Project) -> None:
    versions = NAMES[generated.database]
    printed = generated.python(
        "import json\nfrom migrator.dialect.server import why_unsupported\n"
        f"print(json.dumps([why_unsupported(version) for version, _ in {versions!r}]))"
    )
    for (_, name), reason in zip(versions, json.loads(printed), strict=True):
        assert reason.startswith(f"The server is {name}, ") if name else reason == ""


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
@pytest.mark.parametrize(("version", "name"), NAMES["postgresql"][:2])
def test_a_server_without_the_locks_is_refused(project: Project, version: str, name: str) -> None:
    """A PostgreSQL server that calls itself so: the others cannot be had here."""
    project.sql(
        "CREATE OR REPLACE FUNCTION pg_catalog.version() RETURNS text LANGUAGE sql"
        f" AS $$ SELECT '{version}' $$"
    )
    for command in (("alembic", "upgrade", "head"), ("flask", "db", "upgrade")):
        assert f"The server is {name}, " in project.refused(*command)
    state = "unreachable" if name == "CockroachDB" else "misconfigured"
    assert f"The server is {name}, " in examine(project, state)["sentence"]


# MySQL and MariaDB after a crash


def crash(project: Project, *, after: str, before: str = "") -> None:
    """Kill a run in r2, between `before` and `after`."""
    chain(
        project,
        TABLE.format("t1"),
        "\n".join(filter(None, [before, pause(project), after])),
        TABLE.format("t3"),
    )
    with paused(project, "alembic", "upgrade", "head") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    (project.path / "go").touch()


@pytest.mark.databases("mysql")
@pytest.mark.strategies("env-var")
def test_what_a_killed_run_left_is_told(project: Project) -> None:
    crash(
        project,
        before=TABLE.format("t2") + '\nop.add_column("t1", sa.Column("more", sa.Integer))',
        after='op.create_index("ix", "t1", ["more"])\nop.execute("UPDATE t1 SET more = 1")',
    )
    found = examine(project, "behind")
    end = project.run("alembic", "upgrade", "head")
    assert end.returncode != 0
    assert "Traceback" not in end.stderr
    output = " ".join(end.stdout.split())
    assert "Table 't2' already exists (1050)" in output
    for text in (output, found["sentence"]):
        assert "Revision r2 is in the database, or a part of it" in text
        done, missing = text.split("Not done: ")
        assert "make table t2; " in done
        assert "make column t1.more." in done
        assert "make index t1.ix." in missing
        assert "UPDATE t1 SET more = 1" in missing.split("Cannot be told: ")[1]
        assert "nothing of it was done" not in text
    assert found["next"] == "alembic upgrade r1:r2 --sql"
    assert "CREATE INDEX ix" in project.ok(*found["next"].split())
    # What it says is enough to go on: the rest by hand, and the stamp.
    project.sql("CREATE INDEX ix ON t1 (more)")
    project.ok(*output.rpartition("and then: ")[2].split()[:3])
    project.ok("alembic", "upgrade", "head")
    assert project.version() == ["r3"]


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("mysql")
@pytest.mark.strategies("env-var")
def test_raw_sql_that_was_done_before_is_not_called_undone(project: Project) -> None:
    project.sql("CREATE TABLE t1 (id INTEGER)")
    chain(project, 'op.execute("CREATE TABLE t1 (id INTEGER)")')
    output = " ".join(project.refused("alembic", "upgrade", "head").split())
    assert "(1050). Revision r1 is in the database, or a part of it" in output
    assert "Cannot be told: line 12: CREATE TABLE t1 (id INTEGER)." in output
    assert "nothing of it was done" not in output


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("mysql")
@pytest.mark.strategies("env-var")
@pytest.mark.parametrize(
    ("number", "statement"),
    [
        (1060, 'op.add_column("note", sa.Column("more", sa.Integer))'),
        (1061, 'op.create_index("ix", "note", ["id"])'),
        (1091, 'op.drop_column("note", "text")'),
        (1091, 'op.drop_index("ix_gone", "note")'),
    ],
)
def test_each_statement_that_was_done_before_is_recognised(
    project: Project, number: int, statement: str
) -> None:
    """The same statement was done before; the server is what says so."""
    by_hand = {
        "add": "ALTER TABLE note ADD COLUMN more INTEGER",
        "create": "CREATE INDEX ix ON note (id)",
        "drop": "ALTER TABLE note DROP COLUMN text",
    }
    if "gone" not in statement:
        project.sql(by_hand[statement[3:].split("_")[0]])
    chain(project, statement + "\n" + TABLE.format("t1"))
    output = project.refused("alembic", "upgrade", "head")
    assert f"({number}). Revision r1 is in the database, or a part of it" in output
    assert "make table t1." in output.partition("Not done: ")[2]


@pytest.mark.databases("mysql")
@pytest.mark.strategies("env-var")
def test_a_lost_connection_says_what_is_done(project: Project) -> None:
    chain(
        project,
        TABLE.format("t1"),
        TABLE.format("t2") + "\n" + pause(project) + "\n" + TABLE.format("u2"),
    )
    with paused(project, "alembic", "upgrade", "head") as process:
        [(number,)] = project.sql(
            "SELECT id FROM information_schema.processlist"
            " WHERE db = DATABASE() AND id <> CONNECTION_ID()"
        )
        project.sql(f"KILL {number}")
        (project.path / "go").touch()
        output = process.communicate(timeout=60)[0]
    assert process.returncode != 0
    assert "Traceback" not in output
    assert "The connection to the database was lost" in output
    assert "Revision r2 failed halfway" in output
    assert "CREATE TABLE t2" in output
    assert "Whether this was still done is not known: CREATE TABLE u2" in output
    assert project.version() == ["r1"]


@pytest.mark.databases("postgresql", "mysql")
@pytest.mark.strategies("env-var")
def test_a_waiter_that_loses_its_connection_says_so(project: Project) -> None:
    chain(project, pause(project) + "\n" + TABLE.format("t1"))
    sessions = {
        "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() ORDER BY backend_start",
        "mysql": "SELECT id FROM information_schema.processlist"
        " WHERE db = DATABASE() AND id <> CONNECTION_ID() ORDER BY id",
    }[project.database]
    kill = {"postgresql": "SELECT pg_terminate_backend({})", "mysql": "KILL {}"}[project.database]
    with (
        paused(project, "alembic", "upgrade", "head"),
        started(project, "alembic", "upgrade", "head") as waiter,
    ):
        assert waiter.stdout is not None
        assert "Waiting for another migration" in waiter.stdout.readline()
        project.sql(kill.format(project.sql(sessions)[-1][0]))
        output = waiter.communicate(timeout=60)[0]
    assert waiter.returncode != 0
    assert "Traceback" not in output
    assert "The connection to the database was lost" in output


@pytest.mark.databases("mysql")
@pytest.mark.strategies("env-var")
def test_a_default_that_is_added_later_is_stored_as_a_new_one(project: Project) -> None:
    """MySQL itself asks for parentheses, which Alembic leaves out."""
    body = (
        "from sqlalchemy.dialects import mysql\n\n\nclass Event(Base):\n    __tablename__ = 'event'\n"
        "    id = mapped_column(sa.Integer, primary_key=True)\n"
    )
    columns = (
        "    at = mapped_column(sa.DateTime{now})\n"
        "    exactly_at = mapped_column(mysql.DATETIME(fsp=3){now})\n"
        "    said = mapped_column(sa.String(9){lower})\n"
    )
    model = project.write_model("event", body + columns.format(now="", lower=""))
    project.ok("alembic", "upgrade", "head")
    assert project.autogenerate("create events")
    project.ok("alembic", "upgrade", "head")
    defaults = {
        "now": ", server_default=sa.func.now()",
        "lower": ", server_default=sa.func.lower('5% :A')",
    }
    text = model.read_text().replace(columns.format(now="", lower=""), columns.format(**defaults))
    model.write_text(text)
    assert project.autogenerate("defaults")
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")
    project.sql("INSERT INTO event (id) VALUES (1)")
    assert project.sql("SELECT said FROM event WHERE exactly_at IS NOT NULL") == [("5% :a",)]


@pytest.mark.databases("mysql")
@pytest.mark.strategies("env-var")
def test_a_column_whose_default_has_gone_takes_rows_without_a_value(project: Project) -> None:
    """MySQL itself demands a value after DROP DEFAULT, of a column that may be NULL."""
    body = "class Event(Base):\n    __tablename__ = 'event'\n    id = mapped_column(sa.Integer, primary_key=True)\n"
    column = "    {} = mapped_column(sa.{}, server_default=sa.text({!r}))\n"
    columns = column.format("size", "Integer", "1") + column.format("said", "Text", "('x')")
    model = project.write_model("event", body + columns)
    project.ok("alembic", "upgrade", "head")
    assert project.autogenerate("create events")
    project.ok("alembic", "upgrade", "head")
    model.write_text(re.sub(", server_default=.*", ")", model.read_text()))
    assert project.autogenerate("no defaults")
    project.ok("alembic", "upgrade", "head")
    project.sql("INSERT INTO event (id) VALUES (1)")
    assert project.sql("SELECT size, said FROM event") == [(None, None)]


# Galera


@pytest.fixture(scope="session")
def nodes() -> Iterator[list[Node]]:
    """A cluster of three nodes."""
    with galera() as nodes:
        yield nodes


@pytest.fixture
def cluster(nodes: list[Node], at: At, request: Any) -> Iterator[tuple[Project, list[str]]]:
    """A project on an empty database of the cluster, and the database's URL on each node."""
    name = f"test_{abs(hash(request.node.name))}"
    nodes[0].sql(f"CREATE DATABASE {name}")
    urls = [node.url(name) for node in nodes]
    for node in nodes:
        wait_until(partial(node.sql, f"SHOW DATABASES LIKE '{name}'"))
    yield at("mysql", urls[0]), urls
    nodes[0].sql(f"DROP DATABASE {name}")


BACKFILL = """
from migrator.backfill import backfill
note = sa.table("note", sa.column("id", sa.Integer), sa.column("text", sa.Text))
backfill(note.update().where(note.c.text == "old").values(text="new"), note.c.id, batch_size=20, pause=0)
"""


def test_six_upgrades_on_three_nodes_leave_one_schema(cluster: tuple[Project, list[str]]) -> None:
    project, urls = cluster
    assert "in a cluster" in examine(project, "empty")["server"]
    output = six_at_once(project, urls)
    assert "Waiting for another migration" in output
    assert project.sql("SELECT count(*) FROM alembic_lease WHERE name = 'alembic_version'") == [
        (0,)
    ]
    # A data revision, at once from three nodes.
    for _ in range(3):
        project.sql("INSERT INTO note (text) VALUES " + ", ".join(["('old')"] * 30))
    project.write_revision("r6", BACKFILL, down_revision="r5")
    processes = [
        project.start("alembic", "upgrade", "head", **{project.url_variable(): url}) for url in urls
    ]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 3, "\n".join(outputs)
    assert "".join(outputs).count("Running upgrade r5 -> r6") == 1
    assert project.sql("SELECT text, count(*) FROM note GROUP BY text") == [("new", 90)]
    # It is no table of the project's.
    assert "alembic_lease" not in project.refused("alembic", "check")


def quick(project: Project) -> None:
    """Let a lease expire sooner."""
    lease = project.migrator / "dialect" / "lease.py"
    text = lease.read_text()
    assert text.count("EXPIRY = 20\n") == 1
    lease.write_text(text.replace("EXPIRY = 20\n", "EXPIRY = 3\n"))


def test_a_killed_migration_frees_the_lease(cluster: tuple[Project, list[str]]) -> None:
    project, urls = cluster
    quick(project)
    chain(project, pause(project) + "\n" + TABLE.format("t1"))
    with paused(project, "alembic", "upgrade", "head") as process:
        other = {project.url_variable(): urls[1]}
        output = project.refused("alembic", "upgrade", "head", MIGRATION_WAIT="1", **other)
        assert f"MIGRATION_WAIT): process {process.pid} on " in output
        process.send_signal(signal.SIGKILL)
        process.wait()
    (project.path / "go").touch()
    assert "No sign of life" in project.run("alembic", "upgrade", "head", **other).stderr
    assert project.version() == ["r1"]


def test_time_in_which_no_node_writes_does_not_cost_the_lease(
    cluster: tuple[Project, list[str]], nodes: list[Node]
) -> None:
    """As during DDL; here because the cluster waits for a node, which takes no processor time."""
    project, urls = cluster
    quick(project)
    chain(project, pause(project) + "\n" + TABLE.format("t1"))
    other = {project.url_variable(): urls[1]}
    with (
        paused(project, "alembic", "upgrade", "head") as first,
        started(project, "alembic", "upgrade", "head", **other) as second,
    ):
        waiting = "SELECT count(*) FROM alembic_lease WHERE name LIKE '%waiting%'"
        wait_until(lambda: project.sql(waiting) == [(1,)])
        assert nodes[2].process is not None
        nodes[2].process.send_signal(signal.SIGSTOP)
        # Longer than the lease holds without a sign of life.
        time.sleep(6)
        nodes[2].process.send_signal(signal.SIGCONT)
        (project.path / "go").touch()
        outputs = [process.communicate(timeout=120)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), "\n".join(outputs)
    assert "No sign of life" not in outputs[1]
    assert "Running upgrade" not in outputs[1]


def test_a_holder_that_was_silent_for_too_long_stops(cluster: tuple[Project, list[str]]) -> None:
    project, urls = cluster
    quick(project)
    chain(project, pause(project), TABLE.format("t2"))
    with paused(project, "alembic", "upgrade", "head") as first:
        first.send_signal(signal.SIGSTOP)
        (project.path / "go").touch()
        other = {project.url_variable(): urls[2]}
        assert "No sign of life" in project.run("alembic", "upgrade", "head", **other).stderr
        first.send_signal(signal.SIGCONT)
        output = first.communicate(timeout=60)[0]
    assert first.returncode != 0
    assert "another one has taken the lock" in output
    assert project.version() == ["r2"]


def test_the_lease_is_taken_as_the_owner(cluster: tuple[Project, list[str]]) -> None:
    project, urls = cluster
    name = urls[0].rpartition("/")[2]
    project.sql("CREATE USER 'reader'@'%'")
    project.sql(f"GRANT SELECT ON {name}.* TO 'reader'@'%'")
    owner, project.url = project.url, urls[1].replace("root@", "reader@")
    project.ok("alembic", "upgrade", "head", MIGRATION_DATABASE_URL=owner)
    project.url = owner
    assert project.version() == [HEAD]
    project.sql("DROP USER 'reader'@'%'")
