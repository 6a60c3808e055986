"""A computed column that changes is dropped and added: nothing alters one, and Alembic only warns."""

from typing import Any

from alembic.autogenerate import comparators
from alembic.operations.ops import AddColumnOp, AlterColumnOp, DropColumnOp, ModifyTableOps
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy import Column, Table


def register() -> None:
    """Have autogenerate compare computed columns here."""
    first, last = DispatchPriority.FIRST, DispatchPriority.LAST
    comparators.dispatch_for(
        "column", qualifier="sqlite", priority=first, subgroup="server_default"
    )(leave_alone)
    comparators.dispatch_for("table", qualifier="sqlite", priority=last)(compare)


def leave_alone(*arguments: Any) -> PriorityDispatchResult:
    """Keep Alembic from warning of a computed column; the columns are the last arguments."""
    if any(column.computed is not None for column in arguments[-2:]):
        return PriorityDispatchResult.STOP
    return PriorityDispatchResult.CONTINUE


def compare(
    context: Any,
    operations: ModifyTableOps,
    schema: str | None,
    name: str,
    there: Table | None,
    declared: Table | None,
) -> None:
    """Add to the operations of a table what makes its computed columns those of the model.

    Args:
        context: of autogenerate.
        operations: are changed in place.
        schema: of the table.
        name: of the table.
        there: the table in the database.
        declared: the table of the model.
    """
    if there is None or declared is None:
        return
    for column in declared.columns:
        old = there.columns.get(column.name)
        if old is not None and _computed(context, old) != _computed(context, column):
            operations.ops = [
                *(op for op in operations.ops if not _alters(op, column)),
                DropColumnOp.from_column_and_tablename(schema, name, old),
                AddColumnOp.from_column_and_tablename(schema, name, column),
            ]


def _alters(operation: object, column: Column[Any]) -> bool:
    return isinstance(operation, AlterColumnOp) and operation.column_name == column.name


def _computed(context: Any, column: Column[Any]) -> object:
    if column.computed is None:
        return None
    impl = context.migration_context.impl
    return bool(column.computed.persisted), impl.plain_sql(column.computed.sqltext)
