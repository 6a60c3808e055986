"""The order of a revision's operations: nothing goes before what needs it, in both directions."""

from collections import defaultdict
from collections.abc import Iterable
from enum import IntEnum

from alembic.operations.ops import (
    AddColumnOp,
    AddConstraintOp,
    CreateForeignKeyOp,
    CreateIndexOp,
    CreateTableOp,
    DowngradeOps,
    DropColumnOp,
    DropConstraintOp,
    DropIndexOp,
    DropTableOp,
    MigrateOperation,
    ModifyTableOps,
    OpContainer,
    UpgradeOps,
)
from sqlalchemy import ForeignKeyConstraint

from .renames import RenameOp

TableName = tuple[str | None, str]


class Phase(IntEnum):
    """When an operation is done; undone, the order is the other way round."""

    FIRST = 0
    DROP_KEYS = 1
    DROP_ITEMS = 2
    RENAME_ITEMS = 3
    DROP_COMPUTED = 4
    CREATE_TABLES = 5
    CHANGE_COLUMNS = 6
    ADD_COMPUTED = 7
    ADD_ITEMS = 8
    DROP_TABLES = 9
    ADD_KEYS = 10
    LAST = 11


def order_operations(upgrade: UpgradeOps, downgrade: DowngradeOps, supports_alter: bool) -> None:
    """Change the operations of a revision in place so that each can run when its turn comes.

    Args:
        upgrade: the operations of `upgrade()`.
        downgrade: those of `downgrade()`, which undo them from the last to the first.
        supports_alter: whether the database can add a foreign key to a table. Without, a table's
            keys are made and dropped with it.
    """
    drops = _referring_first([op for op in upgrade.ops if isinstance(op, DropTableOp)])
    creates = [op for op in upgrade.ops if isinstance(op, CreateTableOp)]
    moved = _moved_indexes(upgrade.ops)
    phases: dict[Phase, list[MigrateOperation]] = defaultdict(list)
    phases[Phase.DROP_TABLES] = [*drops]
    if supports_alter:
        changed = {_table(op) for op in upgrade.ops if isinstance(op, ModifyTableOps)}
        made_again = [op._reverse for op in reversed(drops) if op._reverse is not None]
        phases[Phase.DROP_KEYS] = [key.reverse() for key in _without_keys(made_again, set())]
        phases[Phase.ADD_KEYS] = [*_without_keys(creates, changed)]
    other = Phase.FIRST
    for operation in upgrade.ops:
        if isinstance(operation, ModifyTableOps):
            for phase, group in _groups(operation, moved, is_whole=not supports_alter):
                phases[phase].append(group)
        elif isinstance(operation, CreateTableOp):
            phases[Phase.CREATE_TABLES].append(operation)
        elif not isinstance(operation, DropTableOp):
            phases[other].append(operation)
            continue
        other = Phase.LAST
    upgrade.ops = [operation for phase in Phase for operation in phases[phase]]
    upgrade.reverse_into(downgrade)
    for operations in (upgrade, downgrade):
        _omit_drops_within(operations, moved)


def _groups(
    operation: ModifyTableOps, moved: set[str], is_whole: bool
) -> Iterable[tuple[Phase, ModifyTableOps]]:
    """Yield what is to be done with a table, in groups with their phases.

    Args:
        operation: has all of it.
        moved: the indexes that another table gets.
        is_whole: whether the rest is to stay together, as where the table is rebuilt.
    """
    groups: dict[Phase, list[MigrateOperation]] = defaultdict(list)
    for part in sorted(operation.ops, key=_phase):
        is_moved = isinstance(part, DropIndexOp) and part.index_name in moved
        groups[_phase(part) if is_moved or not is_whole else Phase.CHANGE_COLUMNS].append(part)
    for phase, parts in groups.items():
        yield phase, ModifyTableOps(operation.table_name, parts, schema=operation.schema)


def _moved_indexes(operations: Iterable[MigrateOperation]) -> set[str]:
    """Return the names of indexes that one table loses and another gets."""
    groups = [group for group in operations if isinstance(group, ModifyTableOps)]
    dropped, created = (
        {
            (str(op.index_name), _table(group))
            for group in groups
            for op in group.ops
            if type(op) is t
        }
        for t in (DropIndexOp, CreateIndexOp)
    )
    return {name for name, _ in dropped - created} & {name for name, _ in created - dropped}


def _phase(operation: MigrateOperation) -> Phase:
    match operation:
        case DropConstraintOp(constraint_type="foreignkey"):
            return Phase.DROP_KEYS
        case DropConstraintOp() | DropIndexOp():
            return Phase.DROP_ITEMS
        case CreateForeignKeyOp():
            return Phase.ADD_KEYS
        case RenameOp():
            return Phase.RENAME_ITEMS
        case AddConstraintOp() | CreateIndexOp():
            return Phase.ADD_ITEMS
        case AddColumnOp() if operation.column.computed is not None:
            return Phase.ADD_COMPUTED
        case DropColumnOp() if operation.to_column().computed is not None:
            return Phase.DROP_COMPUTED
    return Phase.CHANGE_COLUMNS


def _table(operation: CreateTableOp | DropTableOp | ModifyTableOps) -> TableName:
    return operation.schema, operation.table_name


def _keys(create: CreateTableOp | None) -> list[ForeignKeyConstraint]:
    items = create.columns if create else []
    return [item for item in items if isinstance(item, ForeignKeyConstraint)]


def _target(key: ForeignKeyConstraint) -> TableName:
    schema, table, _ = key.elements[0].target_tokens
    return schema, table


def _referring_first(drops: list[DropTableOp]) -> list[DropTableOp]:
    """Return `drops` so that a table goes before those that it refers to, where that can be."""
    ordered, left = [], [*drops]
    while left:
        free = [
            drop
            for drop in left
            if not any(
                _target(key) == _table(drop)
                for other in left
                if other is not drop
                for key in _keys(other._reverse)
            )
        ]
        ordered.append(free[0] if free else left[0])
        left.remove(ordered[-1])
    return ordered


def _without_keys(
    creates: list[CreateTableOp], changed: set[TableName]
) -> Iterable[CreateForeignKeyOp]:
    """Take the foreign keys that cannot be made yet out of `creates`, and yield them.

    Args:
        creates: what makes tables, in this order.
        changed: tables whose new columns and constraints come after that.
    """
    missing = {_table(create) for create in creates}
    for create in creates:
        for key in _keys(create):
            target = _target(key)
            is_later = target in missing and target != _table(create)
            if target in changed and target not in missing:
                # The table's key is there; another column, or what makes it unique, may be new.
                is_later = not all(element.column.primary_key for element in key.elements)
            if key.name and (key.use_alter or is_later):
                create.columns = [item for item in create.columns if item is not key]
                yield CreateForeignKeyOp.from_constraint(key)
        missing.remove(_table(create))


def _omit_drops_within(operations: OpContainer, moved: set[str]) -> None:
    """Leave out the indexes that are dropped with their tables, but for those that have moved."""
    dropped = {_table(op) for op in operations.ops if isinstance(op, DropTableOp)}
    kept = []
    for group in operations.ops:
        if isinstance(group, ModifyTableOps) and _table(group) in dropped:
            group.ops = [
                op for op in group.ops if not isinstance(op, DropIndexOp) or op.index_name in moved
            ]
        if not isinstance(group, ModifyTableOps) or group.ops:
            kept.append(group)
    operations.ops = kept
