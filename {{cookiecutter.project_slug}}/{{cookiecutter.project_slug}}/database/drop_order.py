"""Puts what a revision drops into an order that every database takes."""

from alembic.operations.ops import (
    DropConstraintOp,
    DropIndexOp,
    DropTableOp,
    MigrateOperation,
    ModifyTableOps,
    OpContainer,
)


def order_drops(operations: OpContainer) -> None:
    """Drop foreign keys before their indexes, and no index of a table that is dropped.

    MySQL drops no index that a foreign key needs, and Alembic would have it do so.

    Args:
        operations: of an upgrade or a downgrade; changed in place.
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
