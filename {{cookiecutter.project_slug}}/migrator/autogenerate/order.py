"""The order of a revision's operations, which every database has to accept."""

from alembic.operations.ops import (
    CreateForeignKeyOp,
    CreateTableOp,
    DropConstraintOp,
    DropIndexOp,
    DropTableOp,
    MigrateOperation,
    ModifyTableOps,
    OpContainer,
)
from sqlalchemy import ForeignKeyConstraint


def order_operations(upgrade: OpContainer, downgrade: OpContainer, supports_alter: bool) -> None:
    """Change the operations of a revision in place so that each can run when its turn comes.

    Args:
        upgrade: the operations of `upgrade()`.
        downgrade: the operations of `downgrade()`.
        supports_alter: whether the database can add a foreign key to a table.
    """
    if supports_alter:
        _separate_foreign_keys(upgrade, downgrade)
    for operations in (upgrade, downgrade):
        _order_drops(operations)


def _separate_foreign_keys(upgrade: OpContainer, downgrade: OpContainer) -> None:
    """Create foreign keys with `use_alter` after all tables, and drop them before any.

    Alembic leaves them in create_table, and the database's CREATE TABLE omits them.
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


def _order_drops(operations: OpContainer) -> None:
    """Drop foreign keys before their indexes, and no index of a table that is dropped.

    MySQL refuses to drop an index that a foreign key needs; Alembic drops the index first.
    """
    dropped = {
        (operation.schema, operation.table_name)
        for operation in operations.ops
        if isinstance(operation, DropTableOp)
    }
    for group in operations.ops:
        if isinstance(group, ModifyTableOps):
            if (group.schema, group.table_name) in dropped:
                group.ops = [op for op in group.ops if not isinstance(op, DropIndexOp)]
            group.ops.sort(key=_is_no_foreign_key_drop)
    operations.ops = [
        group
        for group in operations.ops
        if not (isinstance(group, ModifyTableOps) and group.is_empty())
    ]


def _is_no_foreign_key_drop(operation: MigrateOperation) -> bool:
    return not (
        isinstance(operation, DropConstraintOp) and operation.constraint_type == "foreignkey"
    )
