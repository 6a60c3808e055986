"""Mends alembic_postgresql_enum 1.11, which puts the members of a type into SQL as they are.

It also adds a member behind the one that it should stand before, and takes the object of a changed
default for its SQL.
"""

from collections.abc import Iterable
from typing import Any

from alembic.operations.ops import AlterColumnOp
from alembic_postgresql_enum.get_enum_data import get_default_from_alembic_ops
from alembic_postgresql_enum.operations import add_enum_values, sync_enum_values
from sqlalchemy import DDL, Connection


def apply() -> None:
    """Replace the library's functions."""
    sync_enum_values.create_type = create_type  # type: ignore[attr-defined]
    add_enum_values.add_value = add_value  # type: ignore[attr-defined]
    add_enum_values.add_value_before = add_value_before  # type: ignore[attr-defined]
    get_default_from_alembic_ops._get_default_from_alter_column_op = changed_default


def create_type(connection: Connection, enum_type_name: str, enum_values: Iterable[str]) -> None:
    """Make a type."""
    members = ", ".join(map(_literal, enum_values))
    _execute(connection, f"CREATE TYPE {enum_type_name} AS ENUM ({members})")


def add_value(connection: Connection, enum_type_name: str, enum_value: str) -> None:
    """Add a member behind all others."""
    _execute(connection, f"ALTER TYPE {enum_type_name} ADD VALUE {_literal(enum_value)}")


def add_value_before(
    connection: Connection, enum_type_name: str, neighbor_value: str, enum_value: str
) -> None:
    """Add a member before another one."""
    new, neighbor = _literal(enum_value), _literal(neighbor_value)
    _execute(connection, f"ALTER TYPE {enum_type_name} ADD VALUE {new} BEFORE {neighbor}")


def changed_default(
    op: AlterColumnOp, default_schema: str
) -> tuple[tuple[str, str, str], str | None]:
    """Return a column and its new default; AttributeError, which is expected, if it has none."""
    default: Any = op.modify_server_default
    column = op.schema or default_schema, op.table_name, op.column_name
    if default is None:
        return column, None
    argument = default.arg
    sql = "'" + argument.replace("'", "''") + "'" if isinstance(argument, str) else str(argument)
    # The library cuts it off at the cast.
    return column, sql if "::" in sql else f"{sql}::text"


def _execute(connection: Connection, sql: str) -> None:
    # Both the server's connections and that of `--sql` take it.
    connection.execute(DDL(sql))  # type: ignore[no-untyped-call]


def _literal(member: str) -> str:
    # DDL reads a percent sign as the beginning of a parameter.
    return "'" + member.replace("'", "''").replace("%", "%%") + "'"
