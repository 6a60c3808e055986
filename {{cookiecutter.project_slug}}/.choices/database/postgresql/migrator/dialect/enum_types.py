"""Which enum types are the project's: those of its models, and those its revisions have made.

Any other belongs to somebody else, and is left alone as their tables are.
"""

from functools import lru_cache

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import UpgradeOps
from alembic.script import ScriptDirectory
from alembic_postgresql_enum.operations.create_enum import CreateEnumOp

from ..revisions.reading import upgrade_calls


def is_own_enum(name: str) -> bool:
    """Return whether autogenerate may look at the enum type `name`."""
    try:
        migration = context.get_context()
    except NameError:
        # A program compares by itself, without env.py and revisions.
        return True
    tables = migration.opts["target_metadata"].tables.values()
    types = [column.type for table in tables for column in table.columns]
    # An array's type is that of its items.
    models = {getattr(getattr(type_, "item_type", type_), "name", None) for type_ in types}
    return name in models or name in named_enums(context.script)


@lru_cache(maxsize=1)
def named_enums(scripts: ScriptDirectory) -> frozenset[str]:
    """Return the names of the enum types that revisions write out: `sa.Enum(…, name="…")`."""
    return frozenset(
        call.text(keyword.value)
        for script in scripts.walk_revisions()
        for call in upgrade_calls(script)
        if call.function in {"Enum", "ENUM"}
        for keyword in call.node.keywords
        if keyword.arg == "name"
    )


def create_each_once(
    context: AutogenContext, upgrade_ops: UpgradeOps, schemas: set[str | None]
) -> None:
    """Remove a second CREATE TYPE, which a table with the default schema's name leads to."""
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
