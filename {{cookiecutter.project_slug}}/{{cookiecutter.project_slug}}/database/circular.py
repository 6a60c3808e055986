"""Foreign keys of tables that refer to each other: made after all tables, dropped before any."""

from alembic.operations.ops import CreateForeignKeyOp, CreateTableOp, OpContainer
from sqlalchemy import ForeignKeyConstraint


def separate_foreign_keys(upgrade: OpContainer, downgrade: OpContainer) -> None:
    """Take the foreign keys with `use_alter` out of the tables that they are written in.

    Alembic leaves them there, where the database's CREATE TABLE passes over them.

    Args:
        upgrade: the operations that make tables; changed in place.
        downgrade: the same, the other way round.
    """
    for table in [operation for operation in upgrade.ops if isinstance(operation, CreateTableOp)]:
        keys = [
            item
            for item in table.columns
            if isinstance(item, ForeignKeyConstraint) and item.use_alter
        ]
        table.columns = [item for item in table.columns if not any(item is key for key in keys)]
        for key in keys:
            create = CreateForeignKeyOp.from_constraint(key)
            upgrade.ops.append(create)
            downgrade.ops.insert(0, create.reverse())
