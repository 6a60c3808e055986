"""Unique constraints on the same columns: CREATE TABLE makes the first one only."""

from collections.abc import Collection, Iterable

from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import CreateTableOp, UpgradeOps
from sqlalchemy import UniqueConstraint


def redundant(
    uniques: Iterable[UniqueConstraint], there: Collection[UniqueConstraint] = ()
) -> set[UniqueConstraint]:
    """Return those of `uniques` of a table that PostgreSQL leaves out.

    Args:
        uniques: of a model.
        there: those that the database has. It may have got both.
    """
    found = set()
    first: dict[object, UniqueConstraint] = {}
    made = {_name_and_columns(unique) for unique in there}
    for unique in sorted(uniques, key=lambda unique: unique._creation_order):
        options = unique.deferrable, unique.initially, repr(sorted(unique.dialect_kwargs.items()))
        kept = first.setdefault((*unique.columns.keys(), options), unique)
        if kept is not unique and not {*map(_name_and_columns, (kept, unique))} <= made:
            found.add(unique)
    return found


def _name_and_columns(unique: UniqueConstraint) -> tuple[object, ...]:
    return unique.name, *(column.name for column in unique.columns)


def omit_redundant(
    context: AutogenContext, upgrade_ops: UpgradeOps, schemas: set[str | None]
) -> None:
    """Leave them out of new tables: Alembic writes constraints in another order."""
    for operation in upgrade_ops.ops:
        if isinstance(operation, CreateTableOp):
            items = operation.columns
            left_out = redundant(item for item in items if isinstance(item, UniqueConstraint))
            operation.columns = [item for item in items if item not in left_out]
