"""Mends alembic_postgresql_enum 1.11, which puts the members of a type into SQL as they are.

It also adds a member behind the one that it should stand before, takes the object of a changed
default for its SQL, overlooks the default of a new column unless that is a `text()`, asks a type
decorator for members that its type has, and leaves conditions as they are that name members of a
type which it replaces.
"""

from collections.abc import Iterable
from typing import Any

from alembic.operations.ops import AddColumnOp, AlterColumnOp
from alembic_postgresql_enum import add_create_type_false
from alembic_postgresql_enum.get_enum_data import declared_enums, get_default_from_alembic_ops
from alembic_postgresql_enum.operations import add_enum_values, sync_enum_values
from alembic_postgresql_enum.sql_commands.indexes import (
    transform_index_definition_for_renamed_values as renamed_in,
)
from sqlalchemy import ARRAY, DDL, Column, Connection, Enum, TypeDecorator, text
from sqlalchemy.types import TypeEngine

Default = tuple[tuple[str, str, str], str | None]

# What drops and what makes each CHECK, and each index with a condition or an expression, that names
# a member of a type. A partition has its own from its parent.
CONDITIONS = """
WITH named AS (
    SELECT classid, objid FROM pg_depend, pg_type
    WHERE refclassid = 'pg_type'::regclass AND refobjid IN (oid, typarray)
    AND oid = CAST(:name AS regtype)
)
SELECT format('DROP INDEX %s', oid::regclass), pg_get_indexdef(oid)
FROM pg_class WHERE relkind IN ('i', 'I') AND NOT relispartition
AND ('pg_class'::regclass, oid) IN (SELECT * FROM named)
UNION ALL
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
    format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE contype = 'c' AND coninhcount = 0 AND conrelid <> 0
AND ('pg_constraint'::regclass, oid) IN (SELECT * FROM named)
"""

_replacement: Any = add_create_type_false.get_replacement_type  # has no annotations
_set_values = sync_enum_values.SyncEnumValuesOp._set_enum_values


def apply() -> None:
    """Replace the library's functions."""
    add_create_type_false.get_replacement_type = written_type
    declared_enums.get_enum_values = members_of
    declared_enums.column_type_is_enum = is_enum
    sync_enum_values.create_type = create_type  # type: ignore[attr-defined]
    sync_enum_values.SyncEnumValuesOp._set_enum_values = set_values  # type: ignore[method-assign]
    add_enum_values.add_value = add_value  # type: ignore[attr-defined]
    add_enum_values.add_value_before = add_value_before  # type: ignore[attr-defined]
    get_default_from_alembic_ops._get_default_from_alter_column_op = changed_default
    get_default_from_alembic_ops._get_default_from_add_column_op = added_default
    get_default_from_alembic_ops._get_default_from_column = default_of


def written_type(column_type: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return what a revision has as a column's type: it makes the type itself separately."""
    if isinstance(column_type, TypeDecorator) and is_enum(column_type):
        column_type = column_type.impl_instance
    written: TypeEngine[Any] = _replacement(column_type)
    return written


def members_of(enum_type: Enum) -> tuple[str, ...]:
    """Return the members of a type, or of the type that a decorator is around."""
    return tuple(enum_type.enums)


def is_enum(column_type: TypeEngine[Any]) -> bool:
    """Return whether a column's type is one of the server's."""
    inner = column_type.impl_instance if isinstance(column_type, TypeDecorator) else column_type
    return isinstance(inner, Enum) and inner.native_enum


def set_values(
    connection: Connection,
    enum_schema: str,
    enum_name: str,
    new_values: list[str],
    affected_columns: list[Any],
    enum_values_to_rename: list[tuple[str, str]],
    indexes_to_recreate: list[Any],
) -> None:
    """Replace a type; what names its members is dropped before, and made again on the new type."""
    conditions: list[tuple[str, str]] = []
    # `--sql` has no server to ask.
    if isinstance(connection, Connection):
        indexes_to_recreate = []
        name = {"name": f'"{enum_schema}"."{enum_name}"'}
        conditions = [(drop, make) for drop, make in connection.execute(text(CONDITIONS), name)]
    for drop, _ in conditions:
        _execute(connection, drop.replace("%", "%%"))
    _set_values(
        connection,
        enum_schema,
        enum_name,
        new_values,
        affected_columns,
        enum_values_to_rename,
        indexes_to_recreate,
    )
    for _, make in conditions:
        made = renamed_in(make, enum_name, enum_values_to_rename, enum_schema)
        _execute(connection, made.replace("%", "%%"))


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


def changed_default(op: AlterColumnOp, default_schema: str) -> Default:
    """Return a column and its new default; AttributeError, which is expected, if it has none."""
    column = op.schema or default_schema, op.table_name, op.column_name
    return column, _sql(op.modify_server_default, op.modify_type or op.existing_type)


def added_default(op: AddColumnOp, default_schema: str) -> Default:
    """Return a new column of a table, and its default; AttributeError if that is no SQL."""
    column = op.schema or default_schema, op.table_name, op.column.name
    return column, _sql(op.column.server_default, op.column.type)


def default_of(column: Column[Any], default_schema: str) -> Default:
    """Return a column of a new table, and its default; AttributeError if that is no SQL."""
    name = column.table.schema or default_schema, column.table.name, column.name
    return name, _sql(column.server_default, column.type)


def _sql(default: Any, type_: Any) -> str | None:
    if default is None:
        return None
    argument = default.arg
    sql = "'" + argument.replace("'", "''") + "'" if isinstance(argument, str) else str(argument)
    # The library cuts it off at the cast, and reads in that whether it is an array.
    return sql if "::" in sql else f"{sql}::text{'[]' * isinstance(type_, ARRAY)}"


def _execute(connection: Connection, sql: str) -> None:
    # Both the server's connections and that of `--sql` take it.
    connection.execute(DDL(sql))  # type: ignore[no-untyped-call]


def _literal(member: str) -> str:
    # DDL reads a percent sign as the beginning of a parameter.
    return "'" + member.replace("'", "''").replace("%", "%%") + "'"
