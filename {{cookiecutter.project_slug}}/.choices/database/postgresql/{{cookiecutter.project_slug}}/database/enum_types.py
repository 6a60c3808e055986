"""Which enum types are the project's: those of its models, and those its revisions have made.

Any other is somebody else's, and left alone as their tables are.
"""

import ast
from functools import lru_cache

import alembic_postgresql_enum
from alembic import context
from alembic.autogenerate import comparators
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import UpgradeOps
from alembic.script import ScriptDirectory
from alembic.util import DispatchPriority
from alembic_postgresql_enum.operations import add_enum_values
from alembic_postgresql_enum.operations.create_enum import CreateEnumOp
from sqlalchemy import Connection

from .base import Base
from .ownership import upgrade_calls


def is_own_enum(name: str) -> bool:
    """Return whether autogenerate may look at the enum type `name`."""
    types = [column.type for table in Base.metadata.tables.values() for column in table.columns]
    # An array's type is that of its items.
    models = {getattr(getattr(type_, "item_type", type_), "name", None) for type_ in types}
    return name in models or name in named_enums(context.script)


@lru_cache(maxsize=1)
def named_enums(scripts: ScriptDirectory) -> frozenset[str]:
    """Return the names of the enum types that revisions write out: `sa.Enum(…, name="…")`."""
    return frozenset(
        keyword.value.value
        for script in scripts.walk_revisions()
        for call in upgrade_calls(script)
        if isinstance(call.func, ast.Attribute) and call.func.attr in {"Enum", "ENUM"}
        for keyword in call.keywords
        if keyword.arg == "name"
        and isinstance(keyword.value, ast.Constant)
        and isinstance(keyword.value.value, str)
    )


@comparators.dispatch_for("schema", priority=DispatchPriority.LAST)
def create_each_once(
    context: AutogenContext, upgrade_ops: UpgradeOps, schemas: set[str | None]
) -> None:
    """Take a second CREATE TYPE away, which a table with the default schema's name leads to."""
    enums = {
        operation.to_diff_tuple(): operation
        for operation in upgrade_ops.ops
        if isinstance(operation, CreateEnumOp)
    }
    upgrade_ops.ops[:] = [
        operation
        for operation in upgrade_ops.ops
        if not isinstance(operation, CreateEnumOp) or operation in enums.values()
    ]


def add_value_before(
    connection: Connection, enum_type_name: str, neighbor_value: str, enum_value: str
) -> None:
    """Add a member before another one, where alembic_postgresql_enum 1.11 adds it behind."""
    new, neighbor = (value.replace("'", "''") for value in (enum_value, neighbor_value))
    connection.exec_driver_sql(f"ALTER TYPE {enum_type_name} ADD VALUE '{new}' BEFORE '{neighbor}'")


add_enum_values.add_value_before = add_value_before  # type: ignore[attr-defined]
alembic_postgresql_enum.set_configuration(alembic_postgresql_enum.Config(include_name=is_own_enum))
