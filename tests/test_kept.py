"""The database that a project's tests keep: what is built anew, and that it is what it has to be."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from .projects import Project
from .test_status import HEAD

# Prints which revisions ran, and the kept database.
KEPT = """
import logging, os, subprocess, sys
from pathlib import Path
from contextlib import ExitStack
from migrator import kept
from migrator.proof.throwaway import empty_database, upgrade
from migrator.url import parse_url

folder, url = Path(sys.argv[1]), parse_url(sys.argv[2], "the test")
logger = logging.getLogger("alembic.runtime.migration")
logger.setLevel(logging.INFO)
logger.addFilter(
    lambda record: record.msg.startswith("Running")
    and print("ran", record.getMessage().partition("-> ")[2].partition(",")[0])
)
keeper = kept.Keeper(folder, url, "shop")
with ExitStack() as stack:
    copy = keeper.migrated(
        lambda source: stack.enter_context(empty_database(url, source)), upgrade
    )
    if url.get_backend_name() == "sqlite":
        import sqlite3
        print(*sqlite3.connect(copy.database).iterdump(), sep="\\n")
    else:
        text = copy.set(drivername="postgresql").render_as_string(hide_password=False)
        subprocess.run(["pg_dump", "--restrict-key=x", text], check=False)
print("start", (keeper.start("a test") or ["None"])[0])
keeper.passed("a test")
"""
RICH = {
    "sqlite": """
op.execute("CREATE TABLE t (id integer PRIMARY KEY AUTOINCREMENT, mood text CHECK (mood <> ''))")
op.execute("CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET mood = 'x' WHERE id = 1; END")
op.execute("CREATE VIEW v AS SELECT mood FROM t")
op.execute("INSERT INTO t (mood) VALUES ('a'), ('b')")
op.execute("DELETE FROM t WHERE id = 2")
""",
    "postgresql": """
op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
op.execute("CREATE SCHEMA other")
op.execute("CREATE TYPE mood AS ENUM ('a', 'b')")
op.execute("CREATE TABLE other.t (id serial PRIMARY KEY, mood mood)")
op.execute("CREATE SEQUENCE numbers START 7 INCREMENT 3")
op.execute("SELECT nextval('numbers')")
op.execute("CREATE VIEW v AS SELECT mood FROM other.t")
op.execute("INSERT INTO other.t (mood) VALUES ('a'), ('b')")
op.execute("DELETE FROM other.t WHERE id = 2")
""",
}


class Kept:
    """A folder with kept databases of a project."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project, self.folder = project, folder
        project.environment["TEST_DATABASE_URL"] = project.url

    def look(self, folder: Path | None = None) -> tuple[list[str], str, str]:
        """Return which revisions ran, what the database has, and what has come down before."""
        end = self.project.run(*self.command(folder))
        assert end.returncode == 0, end.stdout + end.stderr
        lines = end.stdout.splitlines()
        ran = [line.split()[-1] for line in lines if line.startswith("ran ")]
        dump = [line for line in lines if not line.startswith(("ran ", "start "))]
        assert dump
        # Sorted, because the noted heads of a history are a set.
        return ran, "\n".join(sorted(dump)), lines[-1].removeprefix("start ")

    def command(self, folder: Path | None = None) -> list[str]:
        """Return the command that looks."""
        return ["python", "-c", KEPT, str(folder or self.folder), self.project.url]

    def databases(self) -> list[str]:
        """Return the databases that are kept, or that a killed process has left."""
        if self.project.database == "sqlite":
            return [str(path) for path in self.folder.glob("*.sqlite3")]
        live = self.project.url.rpartition("/")[2]
        rows = self.project.sql(f"SELECT datname FROM pg_database WHERE datname ~ '{live}_'")
        return [name for (name,) in rows]

    def from_empty(self) -> str:
        """Return what a database has that is built from nothing."""
        folder = self.folder / "other"
        folder.mkdir()
        try:
            return self.look(folder)[1]
        finally:
            shutil.rmtree(folder)


@pytest.fixture
def kept(project: Project, tmp_path: Path) -> Iterator[Kept]:
    """An empty folder, for a project with a revision that makes things of every kind."""
    project.write_revision("r1", RICH[project.database], down_revision=HEAD)
    folder = tmp_path / "kept"
    folder.mkdir()
    kept = Kept(project, folder)
    yield kept
    for name in kept.databases():
        if project.database == "postgresql":
            project.sql(f'DROP DATABASE "{name}"')


BOTH = pytest.mark.databases("sqlite", "postgresql")
ONE = pytest.mark.strategies("env-var")


@BOTH
@ONE
def test_only_what_is_new_runs_and_the_database_is_the_same(kept: Kept) -> None:
    table = 'op.execute("CREATE TABLE {name} (id integer)")'
    ran, dump, start = kept.look()
    assert (ran, start) == ([HEAD, "r1"], "None")
    assert kept.look() == ([], dump, "r1")
    kept.project.write_revision("r2", table.format(name="t2"), down_revision="r1")
    ran, dump, start = kept.look()
    assert (ran, start) == (["r2"], "r1")
    assert dump == kept.from_empty()
    # Another branch of the code has r1 as well.
    changed = kept.project.write_revision("r2", table.format(name="t3"), down_revision="r1")
    assert kept.look()[::2] == (["r2"], "r1")
    # A branch of the history: what is new need not come after what has come down.
    branch = kept.project.write_revision("r3", table.format(name="t4"), down_revision="r1")
    ran, dump, start = kept.look()
    assert (ran, start) == (["r3"], "None")
    assert dump == kept.from_empty()
    branch.unlink()
    changed.unlink()
    assert kept.look()[::2] == ([], "r1")


@BOTH
@ONE
def test_what_it_depends_on_builds_it_anew(kept: Kept) -> None:
    kept.look()
    everything = [HEAD, "r1"]
    changed = [
        kept.project.path / "alembic" / "env.py",
        kept.project.migrator / "limits.py",
        kept.project.package / "database" / "base.py",
        kept.project.revisions()[0],
    ]
    for path in changed:
        path.write_text(path.read_text() + "\n# changed\n")
        assert kept.look()[0] == everything, path
    assert len([*kept.folder.glob("*.kept")]) == len(kept.databases()) == 4
    assert kept.look()[0] == []
    # A view of the app's is none of these.
    view = kept.project.package / "views" / "home.py"
    view.write_text(view.read_text() + "\n# changed\n")
    assert kept.look()[0] == []


@ONE
@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    "line",
    [
        'os.environ.get("HOME")',
        "from shop.settings import ROOT",
        'open("README.md").close()',
        "op.execute('-- ALTER DATABASE x SET y')",
    ],
)
def test_nothing_is_kept_of_a_revision_that_reads_more_than_its_text(kept: Kept, line: str) -> None:
    kept.project.write_revision("r2", line, down_revision="r1")
    assert kept.look()[0] == kept.look()[0] == [HEAD, "r1", "r2"]
    assert not [*kept.folder.glob("*.kept")]


@BOTH
@ONE
def test_a_killed_builder_leaves_nothing_that_is_used(kept: Kept) -> None:
    kept.look()
    die = "op.execute('CREATE TABLE half (id integer)')\nimport signal\nos.kill(os.getpid(), 9)"
    kept.project.write_revision("r2", die, down_revision="r1")
    assert kept.project.run(*kept.command()).returncode == -9
    assert len([*kept.folder.glob("*.kept")]) == 1
    kept.project.write_revision("r2", "pass", down_revision="r1")
    ran, dump, _ = kept.look()
    assert ran == ["r2"]
    assert "half" not in dump
    # As if it was killed while it copied what it had built.
    newest = max(kept.folder.glob("*.kept"), key=lambda path: path.stat().st_mtime)
    [half] = [name for name in kept.databases() if newest.stem in name]
    newest.unlink()
    if kept.project.database == "sqlite":
        Path(half).write_bytes(Path(half).read_bytes()[:5000])
    else:
        kept.project.sql(f'ALTER DATABASE "{half}" RENAME TO "{half}_whole"')
        kept.project.sql(f'CREATE DATABASE "{half}"')
    assert kept.look()[:2] == (["r2"], dump)
    assert kept.look()[:2] == ([], dump)


@BOTH
@ONE
def test_of_two_processes_one_builds(kept: Kept) -> None:
    processes = [kept.project.start(*kept.command()) for _ in range(2)]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert sorted(output.count("ran ") for output in outputs) == [0, 2]


@ONE
@pytest.mark.databases("sqlite")
def test_a_write_ahead_log_is_part_of_the_database(kept: Kept) -> None:
    plugin = kept.project.migrator / "proof" / "throwaway.py"
    text = plugin.read_text()
    upgrade = '        command.upgrade(alembic_config(connection, section), "heads")'
    assert text.count(upgrade) == 1
    wal = '        connection.exec_driver_sql("PRAGMA journal_mode = WAL")\n'
    wal += "        connection.commit()\n"
    plugin.write_text(text.replace(upgrade, wal + upgrade))
    dump = kept.look()[1]
    [file] = kept.folder.glob("*.sqlite3*")
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert "INSERT INTO" in dump
    assert kept.look()[:2] == ([], dump)


@ONE
@pytest.mark.databases("sqlite")
def test_a_downgrade_that_fails_fails_again(project: Project) -> None:
    tests = ("pytest", "tests/test_migrations.py", "-k", "up_down")
    project.ok(*tests)
    create = 'op.execute("CREATE TABLE t{} (id integer)")'
    project.write_revision("r1", create.format(1), "pass", HEAD)
    project.write_revision("r2", create.format(2), 'op.execute("DROP TABLE t2")', "r1")
    for _ in range(2):
        assert "test_up_down_and_up_again" in project.refused_by_tests(*tests)
    project.write_revision("r1", create.format(1), 'op.execute("DROP TABLE t1")', HEAD)
    for _ in range(2):
        project.ok(*tests)


@ONE
@pytest.mark.databases("sqlite")
def test_from_empty_replaces_what_is_wrong(project: Project) -> None:
    tests = ("pytest", "tests/test_migrations.py", "-k", "agree")
    project.ok(*tests)
    [file] = (project.path / ".pytest_cache" / "d" / "schema").glob("*.sqlite3")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE note")
    assert "New upgrade operations detected" in project.refused_by_tests(*tests)
    project.ok(*tests, "--from-empty")
    project.ok(*tests)
    project.ok(*tests, "-p", "no:cacheprovider")


@ONE
@pytest.mark.databases("postgresql")
def test_the_embedded_server_is_kept_and_stops(project: Project) -> None:
    with TemporaryDirectory() as cache:
        # Outside of pytest's root: see INNER in projects.py.
        _look_at_the_embedded_server(project, Path(cache))


def _look_at_the_embedded_server(project: Project, cache: Path) -> None:
    project.environment["PYTEST_ADDOPTS"] = f"-o cache_dir={cache}"
    tests = ("pytest", "-q", "tests/test_health.py")
    folder = cache / "d" / "schema"
    project.ok(*tests)
    [cluster] = folder.glob("server-*")
    first = (cluster / "PG_VERSION").stat().st_ino
    assert not (cluster / "postmaster.pid").exists()
    # A run that is killed leaves the server running. The next one uses it, and stops it.
    pid = cluster / "postmaster.pid"
    killed = "\n\ndef test_killed(app):\n    import os\n    os.kill(os.getpid(), 9)\n"
    (project.path / "tests" / "test_killed.py").write_text(killed)
    assert project.run("pytest", "tests/test_killed.py").returncode == -9
    running = pid.read_text()
    project.ok(*tests)
    assert not pid.exists()
    assert (cluster / "PG_VERSION").stat().st_ino == first
    # One that was not stopped, as after a power failure, is made anew. No process has this number.
    pid.write_text(running.replace(running.split()[0], "4194303", 1))
    project.ok(*tests)
    assert (cluster / "PG_VERSION").stat().st_ino != first
