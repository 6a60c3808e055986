"""Keeps what Alembic would lose or change when it rebuilds a table of SQLite."""

import re
from typing import Any

from alembic.operations.batch import ApplyBatchImpl
from alembic.util import CommandError
from sqlalchemy import CheckConstraint, Connection, DefaultClause, String, Table, TextClause, text

from .escaping import escaped_colons


def keep_computed(batch: ApplyBatchImpl, table: Table) -> None:
    """Have the computed columns of `table` computed anew; SQLite lets nobody copy them."""
    for column in table.columns:
        if column.computed is not None and column.name in batch.column_transfers:
            batch.column_transfers[column.name].pop("expr", None)


def keep_colons(rebuilt: Table) -> None:
    """Have SQL that was reflected taken as it is; CHECK (c <> ':x') became CHECK (c <> NULL)."""
    for constraint in rebuilt.constraints:
        if isinstance(constraint, CheckConstraint):
            constraint.sqltext = _literally(constraint.sqltext)
    for column in rebuilt.columns:
        if isinstance(column.server_default, DefaultClause):
            column.server_default.arg = _literally(column.server_default.arg)
        elif column.computed is not None:
            column.computed.sqltext = _literally(column.computed.sqltext)


def keep_collations(connection: Connection, table: Table, rebuilt: Table) -> None:
    """Give the columns of `rebuilt` their collations, which SQLAlchemy does not reflect.

    A column that gets another type has the collation of that type, or none.
    """
    created = connection.scalar(
        text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"),
        {"name": table.name},
    )
    # As SQLAlchemy writes it: each column on a line of its own.
    for name, collation in re.findall(
        r'^\s*"?(\w+)"? .*?\bCOLLATE "?(\w+)', created or "", re.MULTILINE
    ):
        if name in rebuilt.columns and name in table.columns:
            type_ = rebuilt.columns[name].type
            if type_ is table.columns[name].type and isinstance(type_, String):
                type_.collation = collation


def refuse_if_referred_to(connection: Connection, table: str) -> None:
    """Stop before `table` is rebuilt with foreign keys on and rows that refer to it.

    On its own connection a migration has them off; a program may hand over one with them on.

    Raises:
        CommandError: ON DELETE CASCADE could delete those rows.
    """
    if not connection.scalar(text("PRAGMA foreign_keys")):
        return
    referring = connection.scalars(
        text("""
            SELECT DISTINCT m.name FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f
            WHERE m.type = 'table' AND lower(f."table") = lower(:name) AND m.name <> :name
        """),
        {"name": table},
    )
    quote = connection.dialect.identifier_preparer.quote
    for name in referring.all():
        if connection.scalar(text(f"SELECT 1 FROM {quote(name)} LIMIT 1")):
            raise CommandError(
                f"Rebuilding {table} may delete rows of {name}, which refers to it: switch foreign"
                " keys off on the connection first, with PRAGMA foreign_keys = OFF."
            )


def _literally(sql: Any) -> Any:
    return text(escaped_colons(sql.text)) if isinstance(sql, TextClause) else sql
