"""How PostgreSQL stores a server default: parsed, and written out with its type."""

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

_LITERAL = re.compile(r"('(?:[^']|'')*')(?:::[^']+)?")
_STORED_DEFAULT = sa.text("""
    SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef
    WHERE adrelid = 'pg_temp.alembic_probe'::regclass
""")
_QUOTED = re.compile(r"'(-?[\d.]+|true|false)'")


def is_stored_as(connection: sa.Connection, column: sa.Column[Any], text: str | None) -> bool:
    """Return whether the server default of the model's `column` is what `text` says.

    Args:
        connection: in a transaction, which a refused default does not end.
        column: has a server default.
        text: the server default that is in the database.
    """
    compiler = connection.dialect.ddl_compiler(connection.dialect, None)  # type: ignore[arg-type]
    declared = compiler.get_column_default_string(column)
    if declared and text and _bare(declared) == _bare(text):
        return True  # as most are, without a query
    try:
        return _stored_default(connection, column) == text
    except DBAPIError:
        # What the server refuses is not what it has.
        return False


def _bare(default: str) -> str:
    """Return `default` without a literal's type, and without the quotes of a number."""
    literal = _LITERAL.fullmatch(default)
    default = literal[1] if literal else default
    number = _QUOTED.fullmatch(default)
    return number[1] if number else default


def _stored_default(connection: sa.Connection, column: sa.Column[Any]) -> str | None:
    """Return the server default of a temporary table with only the model's `column`."""
    table = sa.Table(
        "alembic_probe",
        sa.MetaData(),
        sa.Column(
            column.name,
            column.type.copy(),
            server_default=getattr(column.server_default, "arg", None),
        ),
        prefixes=["TEMPORARY"],
    )
    # A statement that fails would end the whole transaction, but for the savepoint.
    savepoint = connection.begin_nested()
    try:
        connection.execute(CreateTable(table))
        stored: str | None = connection.scalar(_STORED_DEFAULT)
        return stored
    finally:
        savepoint.rollback()
