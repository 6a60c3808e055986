"""Several migrations at once, killed and failing ones, and statements that wait for a lock."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from subprocess import Popen, TimeoutExpired

import pytest

from .projects import Project

TABLE = 'op.create_table("{0}", sa.Column("id", sa.Integer, primary_key=True))'


def chain(project: Project, *bodies: str) -> None:
    """Write revisions r1, r2, … behind the example's one, with these upgrades."""
    before = "a1c0de000001"
    for number, body in enumerate(bodies, start=1):
        project.write_revision(f"r{number}", body, f'op.drop_table("t{number}")', before)
        before = f"r{number}"


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Return as soon as `condition()` holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def pause(project: Project) -> str:
    """A line of a revision that says it is there, and waits until it is let go."""
    here, go = project.path / "here", project.path / "go"
    return (
        f"open({str(here)!r}, 'w').close()\n"
        f"while not os.path.exists({str(go)!r}):\n    time.sleep(0.05)"
    )


@contextmanager
def paused(project: Project, *command: str, **variables: str) -> Iterator[Popen[str]]:
    """Start `command` and yield it when a revision with `pause` in it has been reached."""
    process = project.start(*command, **variables)
    try:
        wait_until(lambda: (project.path / "here").exists() or process.poll() is not None)
        assert process.poll() is None, process.communicate()[0]
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.alternating
def test_six_upgrades_at_once_leave_one_schema(project: Project) -> None:
    chain(project, *(TABLE.format(f"t{number}") for number in range(1, 6)))
    processes = [project.start("alembic", "upgrade", "head") for _ in range(6)]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 6, "\n".join(outputs)
    assert project.version() == ["r5"]
    assert project.tables() >= {"note", "t1", "t2", "t3", "t4", "t5"}
    assert "".join(outputs).count("Running upgrade r4 -> r5") == 1


@pytest.mark.alternating
def test_a_waiter_waits_for_a_long_migration(project: Project) -> None:
    chain(project, pause(project) + "\n" + TABLE.format("t1"), TABLE.format("t2"))
    with paused(project, "alembic", "upgrade", "head") as first:
        waiter = project.start("alembic", "upgrade", "head", MIGRATION_LOCK_TIMEOUT="0.5")
        # Longer than any of its statements would wait for a lock.
        with pytest.raises(TimeoutExpired):
            waiter.wait(4)
        (project.path / "go").touch()
        assert first.wait(60) == 0
        assert waiter.wait(60) == 0, waiter.communicate()[0]
        waiter.communicate()
    assert project.version() == ["r2"]


@pytest.mark.alternating
def test_a_waiter_gives_up_and_says_who_to_look_for(project: Project) -> None:
    chain(project, pause(project))
    with paused(project, "alembic", "upgrade", "head"):
        output = project.refused("alembic", "upgrade", "head", MIGRATION_WAIT="1")
        assert "MIGRATION_WAIT" in output
        looked_for = {
            "sqlite": project.url.removeprefix("sqlite:///"),
            "postgresql": "user postgres, alembic, from 127.0.0.1",
            "mysql": "user root, from",
        }
        assert looked_for[project.database] in output
        # Looking needs no lock.
        project.ok("alembic", "history")
        if project.database != "sqlite":
            project.ok("alembic", "current")


@pytest.mark.alternating
def test_a_killed_migration_leaves_no_lock_and_a_true_version(project: Project) -> None:
    chain(
        project,
        TABLE.format("t1"),
        pause(project) + "\n" + TABLE.format("t2"),
        TABLE.format("t3"),
    )
    with paused(project, "alembic", "upgrade", "head") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    (project.path / "go").touch()
    tables = project.tables()
    if "alembic_version" in tables:
        # What the version says is what is there.
        expected = {"a1c0de000001": {"note"}, "r1": {"note", "t1"}}
        there = [expected[revision] for revision in project.version()]
        assert tables == {"alembic_version"}.union(*there)
    else:
        assert tables == set()
    project.ok("alembic", "upgrade", "head", MIGRATION_WAIT="5")
    assert project.version() == ["r3"]
    assert project.tables() >= {"note", "t1", "t2", "t3"}


@pytest.mark.alternating
def test_a_failing_revision_leaves_a_true_version(project: Project) -> None:
    failing = (
        TABLE.format("t2") + '\nif not os.path.exists("mended"):\n    raise RuntimeError("ouch")'
    )
    chain(project, TABLE.format("t1"), failing, TABLE.format("t3"))
    end = project.run("alembic", "upgrade", "head")
    assert end.returncode != 0
    assert "RuntimeError: ouch" in end.stderr
    if project.database == "mysql":
        # DDL commits by itself there, so a person has to know what is done.
        assert project.version() == ["r1"]
        assert "Revision r2 failed halfway" in end.stderr
        assert "CREATE TABLE t2" in end.stderr
        assert "CREATE TABLE t1" not in end.stderr
        project.sql("DROP TABLE t2")
    else:
        assert "t2" not in project.tables()
        if project.database == "postgresql":
            assert project.version() == ["r1"]
        else:
            assert project.tables() == set()
    (project.path / "mended").touch()
    project.ok("alembic", "upgrade", "head")
    assert project.version() == ["r3"]


@pytest.mark.databases("mysql")
@pytest.mark.strategies("env-var")
def test_a_first_statement_that_fails_has_done_nothing(project: Project) -> None:
    chain(project, 'op.add_column("no_such_table", sa.Column("more", sa.Integer))')
    end = project.run("alembic", "upgrade", "head")
    assert "Revision r1 failed, and nothing of it was done" in end.stderr


@pytest.mark.databases("mysql")
@pytest.mark.strategies("env-var")
@pytest.mark.parametrize("error", ["RuntimeError", "SystemExit", "CommandError"])
def test_rows_that_were_rolled_back_are_not_called_done(project: Project, error: str) -> None:
    chain(
        project,
        "from alembic.util import CommandError\n"
        + TABLE.format("t1")
        + f"\nop.execute(\"INSERT INTO note (text) VALUES ('x')\")\nraise {error}('ouch')",
    )
    end = project.run("alembic", "upgrade", "head")
    if error != "SystemExit":  # Python prints nothing but its text
        assert "Revision r1 failed halfway" in end.stderr + end.stdout
        assert "CREATE TABLE t1" in end.stderr + end.stdout
    assert "INSERT INTO note" not in end.stderr
    assert project.sql("SELECT * FROM note") == []


@pytest.mark.strategies("env-var")
def test_a_commit_of_the_revisions_own_loses_nothing_after_it(project: Project) -> None:
    chain(
        project,
        TABLE.format("t1") + "\nop.get_bind().commit()\n"
        "op.execute(\"INSERT INTO note (text) VALUES ('after')\")",
    )
    project.ok("alembic", "upgrade", "head")
    assert project.version() == ["r1"]
    assert project.sql("SELECT text FROM note") == [("after",)]


@pytest.mark.alternating
@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("postgresql", "mysql")
def test_a_migration_does_not_queue_behind_a_long_transaction(project: Project) -> None:
    chain(project, 'op.add_column("note", sa.Column("more", sa.Integer))')
    with project.connect() as holder:
        cursor = holder.cursor()
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM note")
        variables = {"MIGRATION_LOCK_TIMEOUT": "1", "MIGRATION_LOCK_RETRIES": "1"}
        output = project.run("alembic", "upgrade", "head", **variables)
        assert output.returncode != 0
        assert "No lock within 1 s" in output.stdout + output.stderr
        assert "trying again" in output.stderr
        # A reader was never kept waiting for long, and is not now.
        with project.connect() as reader:
            reader.cursor().execute("SELECT * FROM note")
        cursor.execute("COMMIT")
    assert project.version() == ["a1c0de000001"]
    project.ok("alembic", "upgrade", "head")
    assert project.version() == ["r1"]


@pytest.mark.alternating
@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("postgresql", "mysql")
def test_a_migration_gets_its_lock_when_the_transaction_ends(project: Project) -> None:
    chain(project, 'op.add_column("note", sa.Column("more", sa.Integer))')
    with project.connect() as holder:
        cursor = holder.cursor()
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM note")
        process = project.start(
            "alembic", "upgrade", "head", MIGRATION_LOCK_TIMEOUT="1", MIGRATION_LOCK_RETRIES="9"
        )
        assert process.stdout is not None
        for line in process.stdout:
            if "trying again" in line:
                break
        cursor.execute("COMMIT")
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert project.version() == ["r1"]


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_the_word_concurrently_alone_gives_a_statement_no_more_time(project: Project) -> None:
    chain(
        project,
        "sql = sa.text(\"SELECT 'concurrently'\")\nassert op.get_bind().scalar(sql)\n"
        'op.add_column("note", sa.Column("is_concurrently", sa.Integer))',
    )
    with project.connect() as holder:
        holder.execute("BEGIN")
        holder.execute("SELECT * FROM note")
        limits = {"MIGRATION_LOCK_TIMEOUT": "0.5", "MIGRATION_LOCK_RETRIES": "0"}
        assert "No lock within 0.5 s" in project.refused("alembic", "upgrade", "head", **limits)
    project.ok("alembic", "upgrade", "head")


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_what_a_revision_has_committed_is_not_done_twice(project: Project) -> None:
    chain(
        project,
        "op.execute(\"INSERT INTO note (text) VALUES ('once')\")\n"
        "with op.get_context().autocommit_block():\n"
        '    op.execute("CREATE INDEX CONCURRENTLY IF NOT EXISTS ix ON note (text)")\n'
        'op.execute("LOCK TABLE t0")',
    )
    project.sql("CREATE TABLE t0 (id int)")
    with project.connect() as holder:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE t0")
        output = project.refused("alembic", "upgrade", "head", MIGRATION_LOCK_TIMEOUT="0.5")
    assert "autocommit_block is committed" in " ".join(output.split())
    assert project.sql("SELECT text FROM note") == [("once",)]


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_a_killed_migrations_statement_does_not_hold_its_locks(project: Project) -> None:
    chain(project, 'op.execute("LOCK TABLE note")\nop.execute("SELECT pg_sleep(100)")')
    process = project.start("alembic", "upgrade", "head")
    sleeping = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
    sleeping += " AND datname = current_database()"
    wait_until(lambda: project.sql(sleeping))
    process.kill()
    process.communicate()
    wait_until(lambda: not project.sql(sleeping), seconds=30)


@pytest.mark.databases("postgresql", "mysql")
def test_lock_timeouts_are_the_migrations_only(project: Project) -> None:
    project.ok("alembic", "upgrade", "head")
    setting = {"postgresql": "SHOW lock_timeout", "mysql": "SELECT @@lock_wait_timeout"}
    [(before,)] = project.sql(setting[project.database])
    # MariaDB's own value, and MySQL's.
    assert str(before) in ("0", "86400", "31536000")


@pytest.mark.alternating
def test_a_limit_that_is_no_number_is_refused(project: Project) -> None:
    for variable in ("MIGRATION_WAIT", "MIGRATION_LOCK_TIMEOUT", "MIGRATION_LOCK_RETRIES"):
        if project.database == "sqlite" and variable != "MIGRATION_WAIT":
            continue
        output = project.refused("alembic", "upgrade", "head", **{variable: "soon"})
        assert f"{variable} is 'soon'" in output


@pytest.mark.alternating
@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("postgresql")
def test_an_index_is_made_concurrently_by_several_processes(project: Project) -> None:
    chain(
        project,
        "with op.get_context().autocommit_block():\n"
        '    op.create_index("ix", "note", ["text"], postgresql_concurrently=True)',
    )
    with project.connect() as holder:
        cursor = holder.cursor()
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT * FROM note")
        # The index waits for this transaction for longer than any other statement would.
        processes = [
            project.start("alembic", "upgrade", "head", MIGRATION_LOCK_TIMEOUT="0.5")
            for _ in range(3)
        ]
        with pytest.raises(TimeoutExpired):
            processes[0].wait(3)
        cursor.execute("COMMIT")
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], "\n".join(outputs)
    assert project.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix'::regclass") == [
        (True,)
    ]


@pytest.mark.strategies("env-var")
def test_without_the_lock_these_tests_would_fail(project: Project) -> None:
    """The protection taken out: two migrations run the same revision at once."""
    lock = project.migrator / "dialect" / "lock.py"
    text = lock.read_text()
    call = {
        "sqlite": "begin_immediate(connection)",
        "postgresql": "_acquire(connection, context.version_table)",
        "mysql": "_acquire(connection, context.version_table)",
    }[project.database]
    assert text.count(call) == 1
    lock.write_text(text.replace(call, "pass"))
    chain(project, pause(project) + "\n" + TABLE.format("t1"))
    with paused(project, "alembic", "upgrade", "head") as first:
        second = project.start("alembic", "upgrade", "head", MIGRATION_WAIT="2")
        (project.path / "here").unlink()
        # The second one gets into the same revision, or fails over what the first one did.
        wait_until(lambda: (project.path / "here").exists() or second.poll() is not None)
        (project.path / "go").touch()
        codes = {first.wait(60), second.wait(60)}
        second.communicate()
    assert codes != {0}
