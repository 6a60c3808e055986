"""Constraints and indexes that differ in nothing but their names are renamed.

So it is for a database that was made before its models had a naming convention. Alembic would drop
and make each one again, and read the whole table under a lock for it.
"""

import re
from collections.abc import Hashable, Iterable

from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import render_op, renderers
from alembic.operations.ops import (
    AddColumnOp,
    CreateCheckConstraintOp,
    CreateIndexOp,
    CreateUniqueConstraintOp,
    DropColumnOp,
    DropConstraintOp,
    DropIndexOp,
    MigrateOperation,
    ModifyTableOps,
    OpContainer,
)

from ..dialect.renaming import UNIQUE_INDEX_IS_CONSTRAINT, rename_statement

Create = CreateUniqueConstraintOp | CreateIndexOp | CreateCheckConstraintOp
Drop = DropConstraintOp | DropIndexOp


class RenameOp(MigrateOperation):
    """A constraint or an index gets another name."""

    def __init__(self, kind: str, drop: Drop, create: Create) -> None:
        """Put together what Alembic would do in two operations.

        Args:
            kind: `unique`, `index` or `check`.
            drop: of the old name.
            create: of the new one.
        """
        self.kind, self.drop, self.create = kind, drop, create

    @property
    def names(self) -> tuple[str, str]:
        """The old name and the new one."""
        return _name(self.drop), _name(self.create)

    def reverse(self) -> "RenameOp":
        """Return what gives it the old name back."""
        drop, create = self.create.reverse(), self.drop.reverse()
        assert isinstance(drop, Drop)
        assert isinstance(create, Create)
        return RenameOp(self.kind, drop, create)

    def to_diff_tuple(self) -> tuple[str, ...]:
        """Return what `alembic check` prints."""
        return ("rename", self.create.table_name or "", *self.names)


@renderers.dispatch_for(RenameOp)
def render_rename(context: AutogenContext, operation: RenameOp) -> list[str]:
    """Return the lines of a revision: a statement, or two operations where there is none."""
    assert context.dialect is not None
    create = operation.create
    statement = rename_statement(
        operation.kind,
        context.dialect.identifier_preparer,
        create.schema,
        create.table_name or "",
        *operation.names,
    )
    if statement is None:
        made_again = render_op(context, create)
        made_again[-1] += "  # reviewed: nothing but its name changes"
        return [*render_op(context, operation.drop), *made_again]
    return [f"op.execute({statement!r})"]


UNSET = ("None", "False", "[]", "{}", "()")


def find_renames(operations: OpContainer) -> None:
    """Change a revision's operations in place: each pair that only renames becomes a `RenameOp`."""
    for group in operations.ops:
        if isinstance(group, ModifyTableOps):
            group.ops = _paired(group.ops)


def are_renames(operations: Iterable[MigrateOperation]) -> bool:
    """Return whether operations, of which there is one at least, do nothing but rename."""
    found = [
        operation
        for group in operations
        for operation in (group.ops if isinstance(group, ModifyTableOps) else [group])
    ]
    return bool(found) and all(isinstance(operation, RenameOp) for operation in found)


def _paired(operations: Iterable[MigrateOperation]) -> list[MigrateOperation]:
    paired = list(operations)
    gone = {op.column_name for op in paired if isinstance(op, DropColumnOp)}
    if gone & {op.column.name for op in paired if isinstance(op, AddColumnOp)}:
        # What is on a column that is made again has to be made again too.
        return paired
    made = {_name(op) for op in paired if isinstance(op, Create)}
    # What keeps its name is made again, because the server stores it otherwise.
    drops = {
        _content(op.reverse()): op
        for op in paired
        if isinstance(op, Drop) and _name(op) not in made
    }
    for create in operations:
        content = _content(create)
        if isinstance(create, Create) and content is not None and content in drops:
            drop = drops.pop(content)
            paired[paired.index(create)] = RenameOp(content[0], drop, create)
            paired.remove(drop)
    return paired


def _content(operation: MigrateOperation) -> tuple[str, Hashable] | None:
    """Return all of what an operation makes but its name; None for what is not renamed."""
    match operation:
        case CreateUniqueConstraintOp():
            columns = tuple(operation.columns)
        case CreateIndexOp():
            # An expression is no name, but the text of one is all that there is to compare.
            columns = tuple(getattr(part, "name", None) or str(part) for part in operation.columns)
        case CreateCheckConstraintOp():
            # Each server writes an expression with quotes and parentheses of its choice.
            condition = re.sub(r"""[\s"`()\[\]]+""", "", str(operation.condition)).lower()
            return "check", (condition, _options(operation.kw))
        case _:
            return None
    if isinstance(operation, CreateIndexOp) and not (
        operation.unique and UNIQUE_INDEX_IS_CONSTRAINT
    ):
        return "index", (columns, bool(operation.unique), _options(operation.kw))
    return "unique", (columns, _options(operation.kw))


def _options(options: dict[str, object]) -> str:
    # As texts, because a SQL expression has no truth value. An option that is not given is
    # reflected as one of these.
    texts = {name: str(value) for name, value in options.items()}
    return repr(sorted(text for text in texts.items() if text[1] not in UNSET))


def _name(operation: Drop | Create) -> str:
    name = operation.index_name if isinstance(operation, DropIndexOp | CreateIndexOp) else None
    return str(name or getattr(operation, "constraint_name", ""))
