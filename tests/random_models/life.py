"""Runs in a generated project: takes its models from autogenerate to the database and back.

usage: life.py first|second DATABASE URL OTHER_URL

`first` empties the database of URL, and `second` follows it with changed models. OTHER_URL is
another database, whose tables `MetaData.create_all` makes, to compare with. Prints one line of JSON:
how it ended (`clean`, `refused`, `failed`), at which step, and why.
"""

import contextlib
import json
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

TIMEOUT = 30  # seconds, for one of the two
QUOTE = '"'
Stored = set[str]
T = TypeVar("T")


class Ended(Exception):
    """The life is over: the arguments are how, at which step, and why."""


# What a database stores, one line for each column, constraint, index and comment.

POSTGRESQL = """
SELECT format('%%s.%%s column %%s %%s', n.nspname, c.relname, a.attname, concat_ws(' ',
    format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
    nullif(a.attidentity, ''), nullif(a.attgenerated, ''), pg_get_expr(d.adbin, d.adrelid),
    CASE WHEN a.attcollation <> t.typcollation THEN l.collname END,
    (SELECT concat(s.seqstart, ' ', s.seqincrement, ' ', s.seqtypid::regtype) FROM pg_sequence s
        WHERE s.seqrelid = pg_get_serial_sequence(
            format('%%I.%%I', n.nspname, c.relname), a.attname)::regclass),
    col_description(c.oid, a.attnum)))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_collation l ON l.oid = a.attcollation
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind = 'r' AND n.nspname IN ('public', 'other')
UNION ALL SELECT format('%%s comment %%s', c.oid::regclass, obj_description(c.oid, 'pg_class'))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname IN ('public', 'other')
UNION ALL SELECT format('%%s constraint %%s %%s', k.conrelid::regclass, k.conname,
    pg_get_constraintdef(k.oid))
FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
WHERE n.nspname IN ('public', 'other') AND k.conrelid <> 0
UNION ALL SELECT format('index %%s', indexdef) FROM pg_indexes
WHERE schemaname IN ('public', 'other')
UNION ALL SELECT format('type %%s %%s', t.typname,
    (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) FROM pg_enum
     WHERE enumtypid = t.oid))
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype = 'e' AND n.nspname IN ('public', 'other')
"""


def stored(database: str, connection: sa.Connection) -> Stored:
    """Return what the database has, without the version table."""
    if database == "postgresql":
        found = connection.exec_driver_sql(POSTGRESQL).scalars()
        # The server reads the text that it gives for IN as the other one of these.
        lines = {re.sub(r"\(ARRAY\[([^]]*)\]\)::text\[\]", as_texts, line) for line in found}
    elif database == "mysql":
        lines = set()
        for table in connection.exec_driver_sql("SHOW TABLES").scalars().all():
            [(_, created)] = connection.exec_driver_sql(f"SHOW CREATE TABLE `{table}`").all()
            created = re.sub(r" AUTO_INCREMENT=\d+", "", created)
            lines |= {f"{table}: {line.strip().rstrip(',')}" for line in created.split("\n")}
    else:
        lines = set()
        made = "SELECT tbl_name, type, sql FROM sqlite_master WHERE name NOT GLOB 'sqlite_*'"
        for table, kind, sql in connection.exec_driver_sql(made):
            parts = items_of(sql) if kind == "table" else [sql]
            lines |= {f"{table}: {' '.join(part.replace(QUOTE, '').split())}" for part in parts}
    return {line for line in lines if "alembic_version" not in line}


def as_texts(array: re.Match[str]) -> str:
    """Return an array of texts that PostgreSQL has written as an array that is cast."""
    return f"ARRAY[{', '.join(f'({item})::text' for item in array[1].split(', '))}]"


def items_of(created: str) -> list[str]:
    """Return the parts of a CREATE TABLE: before its parentheses, each item in them, and after."""
    parts, depth, start = [], 0, 0
    # Texts and quoted names may have parentheses and commas.
    for found in re.finditer(r"'[^']*'|\"[^\"]*\"|[(),]", created):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        opens, ends = found[0] == "(" and depth == 1, found[0] == ")" and depth == 0
        if opens or ends or (found[0] == "," and depth == 1):
            parts.append(created[start : found.start()])
            start = found.end()
    return [*parts, created[start:]]


def emptied(database: str, url: sa.URL) -> None:
    """Drop all that a database has."""
    if database == "sqlite":
        for suffix in ("", "-wal", "-shm"):
            Path(f"{url.database}{suffix}").unlink(missing_ok=True)
        return
    with connected(url) as connection:
        if database == "postgresql":
            for schema in ("public", "other"):
                connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
                connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
        else:
            connection.exec_driver_sql("SET SESSION lock_wait_timeout = 10, foreign_key_checks = 0")
            tables = connection.exec_driver_sql("SHOW TABLES").scalars().all()
            if tables:
                names = ", ".join(f"`{table}`" for table in tables)
                connection.exec_driver_sql(f"DROP TABLE {names}")
        connection.commit()


@contextlib.contextmanager
def connected(url: sa.URL) -> Any:
    """Yield a connection, and close it for good."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection


class Life:
    """One of the two halves."""

    def __init__(self, database: str, url: str, other_url: str) -> None:
        """Load the project and its models.

        Args:
            database: as the answer is called.
            url: of the database that the project migrates.
            other_url: of the one that `create_all` fills.
        """
        from migrator.revisions import finish
        from migrator.url import parse_url

        # To format the revisions takes longer than all the rest.
        finish.format_file = lambda path: None
        self.config = Config("alembic.ini")
        self.database = database
        self.url, self.other_url = (parse_url(text, "the test") for text in (url, other_url))

    def step(self, name: str, run: Callable[[], T]) -> T:
        """Do a step, whose end is this life's end if it fails."""
        try:
            return run()
        except CommandError as error:
            is_line = name.startswith("write") and "\n" not in str(error)
            raise Ended("refused" if is_line else "failed", name, str(error)) from error
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            last = [f"{Path(f.filename).name}:{f.lineno}" for f in frames if f.line][-4:]
            line = str(error).partition("(Background on")[0].strip()
            raise Ended(
                "failed", name, f"{type(error).__name__}: {line} [{' '.join(last)}]"
            ) from error

    def stored(self) -> Stored:
        """Return what the database has."""
        with connected(self.url) as connection:
            return stored(self.database, connection)

    def wanted(self) -> Stored:
        """Return what a database has that `create_all` has filled."""
        from migrator.project import load_project

        metadata = load_project(self.config).load_metadata()
        emptied(self.database, self.other_url)
        with connected(self.other_url) as connection:
            metadata.create_all(connection)
            connection.commit()
            return stored(self.database, connection)

    def same(self, name: str, wanted: Stored) -> None:
        """End if the database has something else than is wanted."""
        there = self.step(name, self.stored)
        lines = [f"lacks {line}" for line in sorted(wanted - there)]
        lines += [f"has   {line}" for line in sorted(there - wanted)]
        if lines:
            raise Ended("failed", name, "\n".join(lines))

    def write(self, name: str) -> None:
        """Write a revision; none if autogenerate finds nothing to do."""
        self.step(f"write {name}", lambda: command.revision(self.config, name, autogenerate=True))

    def upgrade(self, name: str, wanted: Stored) -> None:
        """Bring the database to head, where it is to be what `create_all` makes."""
        self.step(name, lambda: command.upgrade(self.config, "head"))
        self.same(f"{name}: compare", wanted)
        self.step(f"{name}: check", lambda: command.check(self.config))

    def first(self) -> None:
        """From nothing to the models."""
        emptied(self.database, self.url)
        wanted = self.step("create_all", self.wanted)
        self.write("models")
        self.upgrade("upgrade", wanted)

    def second(self) -> None:
        """From the old models to the new ones, back, again, and down to base."""
        before = self.stored()
        wanted = self.step("create_all of the change", self.wanted)
        revisions = Path("alembic/versions")
        count = len([*revisions.glob("*.py")])
        head = ScriptDirectory.from_config(self.config).get_current_head()
        self.write("change")
        self.upgrade("upgrade the change", wanted)
        if len([*revisions.glob("*.py")]) > count:
            self.step("downgrade", lambda: command.downgrade(self.config, str(head)))
            self.same("downgrade: compare", before)
            self.upgrade("upgrade again", wanted)
        self.step("downgrade to base", lambda: command.downgrade(self.config, "base"))
        self.same("base: compare", set())


def main(arguments: list[str]) -> None:
    """Do as the module's docstring says."""
    which, *rest = arguments
    # What waits for a lock is ended from outside: no step catches this.
    signal.alarm(TIMEOUT)
    warnings.simplefilter("ignore")
    try:
        life = Life(*rest)
        {"first": life.first, "second": life.second}[which]()
        end = ("clean", "", "")
    except Ended as ended:
        end = ended.args
    print(json.dumps(end))


if __name__ == "__main__":
    main(sys.argv[1:])
