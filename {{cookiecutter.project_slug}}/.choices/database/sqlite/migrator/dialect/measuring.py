"""What a statement does to a SQLite database: which table it rebuilds."""

import re
from collections.abc import Callable
from typing import Any

from alembic.operations import ops
from sqlalchemy import Connection

from ..revisions.effects import Effect, Size, Waiting, Work

# Whether statements are measured that make others wait.
MEASURES_LOCKS = False
# Whether what a statement locks stays locked until its revision ends.
HOLDS_LOCKS = False
NOTE = "Writers wait until all pending revisions are applied; with WAL, readers do not wait."
SAFE_FORMS: dict[str, str] = {}

# How Alembic copies the rows of a table that it rebuilds.
_REBUILD = re.compile(r'\s*INSERT\s+INTO\s+"?_alembic_tmp_(\w+)', re.IGNORECASE)


def unmeasured(operation: ops.MigrateOperation, added: set[tuple[str, str]]) -> str:
    """Return which constraint an operation adds that rows or old code may break; else nothing.

    Args:
        operation: of a revision.
        added: columns that the revision has added, each with its table: they have no values yet.
    """
    match operation:
        case ops.CreateForeignKeyOp(source_table=table, local_cols=columns):
            what = "adds a FOREIGN KEY"
        case ops.CreateUniqueConstraintOp(table_name=table, columns=columns):
            what = "adds UNIQUE"
        case ops.CreateIndexOp(table_name=table, columns=columns, unique=True):
            what = "adds UNIQUE"
        case ops.CreateCheckConstraintOp(table_name=table):
            what, columns = "adds a CHECK", ()
        case _:
            return ""
    names = (str(getattr(column, "name", column)) for column in columns)
    return "" if any((table, name) in added for name in names) else what


class Measuring:
    """Runs statements on a throw-away database, and tells what each of them does."""

    def __init__(self, connection: Connection) -> None:
        """Measure what runs on `connection`."""

    def start_revision(self) -> None:
        """Do nothing: a table that is rebuilt was there before."""

    def measure(
        self, cursor: Any, statement: str, execute: Callable[[str], object]
    ) -> list[Effect]:
        """Run a statement by `execute`, and return which table it rebuilds."""
        execute(statement)
        found = _REBUILD.match(statement)
        return [Effect(found[1], "", Work.REWRITE, Waiting.NOBODY)] if found else []


def sizes(connection: Connection) -> dict[str, Size]:
    """Return how many rows the tables have."""
    tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
    quote = connection.dialect.identifier_preparer.quote_identifier
    return {
        name: Size(connection.exec_driver_sql(f"SELECT count(*) FROM {quote(name)}").scalar_one())
        for name in tables.scalars().all()
    }
