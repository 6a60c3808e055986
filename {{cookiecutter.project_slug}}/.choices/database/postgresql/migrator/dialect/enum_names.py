"""Keeps the names of enums in revisions.

To write an enum, alembic_postgresql_enum 1.11 replaces the word Enum everywhere in its text: a type
called StatusEnum, or a member Enum, would get another name. It does not change PostgreSQL's class.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from sqlalchemy import ARRAY, Column, Enum
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine


def name_enums(
    context: AutogenContext, upgrade_ops: ops.UpgradeOps, schemas: set[str | None]
) -> None:
    """Give the new columns of `upgrade_ops` PostgreSQL's class in place of the general one."""
    for column in _new_columns(upgrade_ops.ops):
        if isinstance(column.type, ARRAY):
            column.type.item_type = _named(column.type.item_type)
        else:
            column.type = _named(column.type)


def _new_columns(operations: Iterable[ops.MigrateOperation]) -> Iterator[Column[Any]]:
    for operation in operations:
        if isinstance(operation, ops.ModifyTableOps):
            yield from _new_columns(operation.ops)
        elif isinstance(operation, ops.CreateTableOp):
            yield from (item for item in operation.columns if isinstance(item, Column))
        elif isinstance(operation, ops.AddColumnOp):
            yield operation.column


def _named(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    if type(type_) is Enum and type_.native_enum:
        return postgresql.ENUM(*type_.enums, name=type_.name, schema=type_.schema)
    return type_
