"""What `flask db plan` says of a change, and what a second session sees while the change runs.

`python -m tests.proof` writes the tables of docs/proof.md; test_proof.py compares the two columns.
"""

import json
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pymysql
from pymysql.constants import ER

from .projects import REPOSITORY, SLUG, Project, generate
from .repositories import Git
from .servers import new_database

PAGE = REPOSITORY / "docs" / "proof.md"
HEAD = "a1c0de000001"  # the example's revision
PATIENCE = 0.03  # seconds that the second session waits for a lock
STATEMENT_TIMEOUT = 1969  # MariaDB's number for it
ROWS = {"postgresql": 2_000, "mysql": 400_000}

TABLES = """
def id_() -> sa.Column:
    return sa.Column("id", sa.Integer, sa.Identity(), primary_key=True)
mood = sa.Enum("good", "bad", name="mood")
op.create_table(
    "author", id_(), sa.Column("name", sa.String(50)), sa.Column("born", sa.Integer), sa.Column("mood", mood),
    sa.Column("nick", sa.String(9)),
)
op.create_table("book", id_(), sa.Column("author_id", sa.Integer))
"""
FILLED = {
    "postgresql": [
        "INSERT INTO author (name, born) SELECT 'name', 1900 FROM generate_series(1, {0})",
        "INSERT INTO book (author_id) SELECT id FROM author",
        "ANALYZE",
    ],
    "mysql": [
        "INSERT INTO author (name, born) SELECT 'name', 1900 FROM seq_1_to_{0}",
        "INSERT INTO book (author_id) SELECT id FROM author",
    ],
}
# What is deployed while the change is made. It writes no `born`.
OLD_CODE = """
from sqlalchemy import text

from {slug}.extensions import db


def test_authors_and_their_books(app) -> None:
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text("INSERT INTO author (name, nick) VALUES ('Ada', 'a')"))
        connection.execute(text("INSERT INTO book (author_id) SELECT max(id) FROM author"))
        join = "author JOIN book ON book.author_id = author.id"
        rows = connection.execute(text(f"SELECT name, nick, born, mood FROM {{join}}"))
        assert [tuple(row) for row in rows] == [("Ada", "a", None, None)]
"""
BORN = '"author", "born", existing_type=sa.Integer()'
BACKFILL = """
from migrator.backfill import backfill
author = sa.table("author", sa.column("id"), sa.column("born", sa.Integer))
backfill(author.update().where(author.c.born < 1901).values(born=1901), author.c.id, batch_size=20_000)
"""
CONCURRENTLY = """
with op.get_context().autocommit_block():
    op.create_index("ix_author_name", "author", ["name"], postgresql_concurrently=True)
"""
MEMBER = """
with op.get_context().autocommit_block():
    op.execute("ALTER TYPE mood ADD VALUE 'fair'")
"""
OLD_ENUM = 'existing_type=sa.Enum("good", "bad", name="mood")'
NEW_ENUM = 'type_=sa.Enum("good", "bad", "fair", name="mood")'

# A change, as the table has it, and the body of its revision; by database where that differs.
# In an order in which none needs what another one has changed: MariaDB keeps what it did.
CHANGES: dict[str, str | dict[str, str]] = {
    "rename a column": (
        'op.alter_column("author", "nick", existing_type=sa.String(9), new_column_name="alias")'
    ),
    "add an index": 'op.create_index("ix_author_name", "author", ["name"])',
    "the same, concurrently": {"postgresql": CONCURRENTLY},
    "add NOT NULL": f"op.alter_column({BORN}, nullable=False)",
    "change int to bigint": f"op.alter_column({BORN}, type_=sa.BigInteger())",
    "add a foreign key": (
        'op.create_foreign_key("fk_book_author", "book", "author", ["author_id"], ["id"])'
    ),
    "widen a varchar": (
        'op.alter_column("author", "name", existing_type=sa.String(50), type_=sa.String(60))'
    ),
    "add an enum member": {
        "postgresql": MEMBER,
        "mysql": f'op.alter_column("author", "mood", {OLD_ENUM}, {NEW_ENUM})',
    },
    "backfill": BACKFILL,
    "the same, in one UPDATE": 'op.execute("UPDATE author SET born = 1902")',
    "add a column, then an index elsewhere": (
        'op.add_column("author", sa.Column("died", sa.Integer))\n'
        'op.create_index("ix_book_author_id", "book", ["author_id"])'
    ),
    "drop a table": 'op.drop_table("book")',
}

SEEN = ("author", "book")
# Readers, writers, and writers of a row that the change writes: what the second session tries.
PROBES = {
    "R": "SELECT 1 FROM {0} LIMIT 1",
    "W": "DELETE FROM {0} WHERE 1 = 0",
    "S": "UPDATE {0} SET id = id WHERE id = 1",
}
# Who is stopped, by the plan's words.
STOPPED = {
    "nobody": set[str](),
    "writers of the same rows": {"S"},
    "writers": {"W", "S"},
    "readers and writers": {"R", "W", "S"},
}
WORDS = {frozenset(stopped): words for words, stopped in STOPPED.items()}


@dataclass(frozen=True)
class Proof:
    """A statement of a change.

    Attributes:
        sql: the statement.
        said: by table, who waits, as the plan says.
        seen: by table, who was stopped, as the second session saw.
        effects: by table, lock and work, as the plan says.
        is_long: whether it takes as long as a table is large.
        fails: whether the project's test fails.
    """

    sql: str
    said: dict[str, str]
    seen: dict[str, str]
    effects: dict[str, str]
    is_long: bool
    fails: bool


def prepare(project: Project) -> None:
    """Bring a project's database to the revision before the changes, with rows."""
    project.write_revision("start", TABLES, down_revision=HEAD)
    project.ok("alembic", "upgrade", "start")
    for statement in FILLED[project.database]:
        project.sql(statement.format(ROWS[project.database]))


def prove(project: Project, change: str) -> list[Proof]:
    """Write a change's revision, plan it, and see what a second session sees of it.

    Args:
        project: prepared.
        change: one of `CHANGES` that there is on its database.
    """
    path = write(project, change)
    made = json.loads(project.ok("flask", "db", "plan", "--json", TEST_DATABASE_URL=project.url))
    watch = _watch_open if project.database == "postgresql" else _watch_running
    seen = [*watch(project, made["statements"])]
    path.unlink()
    return [_proof(*pair) for pair in zip(made["statements"], seen, strict=True)]


def write(project: Project, change: str) -> Path:
    """Write a change's revision, and return its path."""
    body = CHANGES[change]
    text = body if isinstance(body, str) else body[project.database]
    return project.write_revision("change", text, down_revision="start")


def changes(database: str) -> list[str]:
    """Return the changes that there are on a database."""
    return [name for name, body in CHANGES.items() if isinstance(body, str) or database in body]


def _proof(statement: dict[str, Any], seen: dict[str, set[str]]) -> Proof:
    own = statement["effects"]
    # What an earlier statement has locked stays locked.
    effects = [*statement["held"], *own]
    said = {table: set[str]() for table in seen}
    for effect in effects:
        said[effect["table"]] |= STOPPED[effect["waiting"]]
    return Proof(
        statement["sql"],
        {table: WORDS[frozenset(who)] for table, who in said.items()},
        {table: WORDS.get(frozenset(who), str(sorted(who))) for table, who in seen.items()},
        {effect["table"]: " ".join([effect["lock"], effect["work"]]).strip() for effect in effects},
        any(effect["work"] for effect in own),
        statement["stops_writers"],
    )


def _watch_open(
    project: Project, statements: list[dict[str, Any]]
) -> Iterator[dict[str, set[str]]]:
    """PostgreSQL: execute each statement, look while its transaction is open, and roll back."""
    with psycopg.connect(project.url) as first, project.connect() as second:
        for statement in statements:
            sql = statement["sql"]
            if "CONCURRENTLY" in sql or sql.startswith("backfill"):
                yield next(_watch_running(project, [statement]))
                continue
            first.execute(sql)
            yield {table: _stopped(second, table) for table in SEEN}
        first.rollback()


def _watch_running(
    project: Project, statements: list[dict[str, Any]]
) -> Iterator[dict[str, set[str]]]:
    """Execute each statement while a second session looks again and again."""
    for statement in statements:
        sql = statement["sql"]
        if sql.startswith("backfill"):
            seen = _meanwhile(project, lambda: project.ok("alembic", "upgrade", "head"))
            project.ok("alembic", "downgrade", "start")
        else:
            with project.connect() as first:
                seen = _meanwhile(project, partial(first.cursor().execute, sql))
        if project.database == "postgresql":
            project.sql("DROP INDEX IF EXISTS ix_author_name")
        yield seen


def _meanwhile(project: Project, run: Callable[[], object]) -> dict[str, set[str]]:
    """Return, by table, whose attempts were stopped for a good part of the time that `run` took.

    A lock that is given back at once stops few of them.
    """
    times = Counter[tuple[str, str]]()
    thread = threading.Thread(target=run)
    with project.connect() as second:
        start = time.monotonic()
        thread.start()
        while thread.is_alive():
            for table in SEEN:
                times.update((table, probe) for probe in _stopped(second, table))
        thread.join()
    # Four attempts at a time may share it: of writers and of the same rows, on two tables.
    few = max(3, (time.monotonic() - start) / PATIENCE / 10)
    return {table: {probe for probe in PROBES if times[table, probe] > few} for table in SEEN}


def _stopped(second: Any, table: str) -> set[str]:
    return {probe for probe in PROBES if _is_stopped(second, table, probe)}


def _is_stopped(second: Any, table: str, probe: str) -> bool:
    """Return whether an attempt gets no lock in time. What has dropped the table stops nobody."""
    sql = PROBES[probe].format(table)
    try:
        if isinstance(second, psycopg.Connection):
            second.execute(f"SET lock_timeout = {PATIENCE * 1000:.0f}")
            second.execute(sql)
        else:
            second.cursor().execute(f"SET STATEMENT max_statement_time = {PATIENCE} FOR {sql}")
    except (psycopg.errors.UndefinedTable, psycopg.errors.LockNotAvailable) as error:
        return isinstance(error, psycopg.errors.LockNotAvailable)
    except pymysql.MySQLError as error:
        if error.args[0] not in (ER.NO_SUCH_TABLE, STATEMENT_TIMEOUT):
            raise
        return bool(error.args[0] == STATEMENT_TIMEOUT)
    return False


def others(project: Project, change: str) -> list[str]:
    """Return what the project's test, squawk and Alembic say of a change; squawk if it knows it."""
    path = write(project, change)
    found = [line.split(": ", 1)[1] for line in project.findings() if "change.py" in line]
    stops = any(line.startswith("stops writers") for line in found)
    test = [line for line in found if not line.startswith("stops writers")] + ["long lock"] * stops
    end = project.run("alembic", "upgrade", "start:head", "--sql")
    path.unlink()
    assert end.returncode == 0, end.stderr
    said = [line for line in end.stderr.splitlines() if not line.startswith("INFO")]
    said = [" ".join(said)]
    if project.database == "postgresql":
        sql = project.path / "new.sql"
        sql.write_text(end.stdout, encoding="utf-8")
        output = project.run("squawk", "--reporter", "gcc", "new.sql").stdout
        said.insert(
            0, ", ".join(dict.fromkeys(re.findall(r"(?:warning|error): ([a-z-]+)", output)))
        )
    return [
        "**fails**: " + ", ".join(test) if test else "passes",
        *(one or "nothing" for one in said),
    ]


def deploy_old_code(project: Project) -> Git:
    """Make a repository of a prepared project, whose main branch has `OLD_CODE` as its only test."""
    for path in (project.path / "tests").glob("test_*.py"):
        if path.name != "test_migrations.py":
            path.unlink()
    (project.path / "tests" / "test_books.py").write_text(OLD_CODE.format(slug=SLUG))
    project.ok("python", "-m", "migrator.revisions.head")
    git = Git(project.path)
    git.commit("what is deployed")
    git.ok("git", "switch", "--quiet", "--create", "feature")
    return git


def breaks_old_code(project: Project, change: str) -> bool:
    """Return whether the deployed code's test fails on the schema that a change makes."""
    path = write(project, change)
    project.ok("python", "-m", "migrator.revisions.head")
    url = {"TEST_DATABASE_URL": project.url}
    end = project.run("python", "-m", "migrator.compatibility", "main", **url)
    path.unlink()
    project.ok("python", "-m", "migrator.revisions.head")
    assert end.returncode in (0, 1), end.stdout + end.stderr
    return end.returncode == 1


def table(project: Project) -> Iterator[str]:
    """Yield the lines of the table for a project's database."""
    squawk = project.database == "postgresql"
    heads = ["change", "statement", "lock and work", "the plan: who waits", "a second session"]
    heads += ["old code", "the test", *["squawk"] * squawk, "Alembic"]
    yield f"| {' | '.join(heads)} |"
    yield "| --- " * len(heads) + "|"
    deploy_old_code(project)
    for change in changes(project.database):
        name = change
        old_code = "**breaks**" if breaks_old_code(project, change) else "goes on"
        said = [old_code, *others(project, change)]
        for proof in prove(project, change):
            effects = "<br>".join(f"{table}: {effect}" for table, effect in proof.effects.items())
            cells = [name, f"`{proof.sql}`", effects, _words(proof.said, proof.is_long)]
            cells.append(_words(proof.seen))
            yield f"| {' | '.join([*cells, *said])} |"
            # The rest is the change's, whatever its statements are.
            name, said = "", [""] * len(said)


def _words(by_table: dict[str, str], is_long: bool | None = None) -> str:
    end = {None: "", True: ", as long as it takes", False: ", briefly"}[is_long]
    waiting = [f"{table}: {who}{end}" for table, who in by_table.items() if who != "nobody"]
    return "<br>".join(waiting) or "nobody"


def main() -> None:
    """Measure, and write the tables."""
    text = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        for database, heading in (("postgresql", "PostgreSQL"), ("mysql", "MariaDB")):
            folder = Path(name, database)
            answers = {"project_slug": SLUG, "database": database, "url_strategy": "env-var"}
            project = generate(folder, answers)
            with new_database(database, folder) as project.url:
                prepare(project)
                rows = []
                for line in table(project):
                    print(line, flush=True)
                    rows.append(line)
            before, _, rest = text.partition(f"## {heading}\n")
            after = rest.partition("\n## ")
            text = f"{before}## {heading}\n\n" + "\n".join(rows) + "\n" + "".join(after[1:])
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
