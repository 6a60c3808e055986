"""Autogenerate's operations on tables in use, in forms that let readers and writers go on.

An index is made CONCURRENTLY, and a UNIQUE constraint takes over such an index. A FOREIGN KEY or a
CHECK is NOT VALID at first, and validated in a later transaction. A column becomes NOT NULL behind
a CHECK that is valid, without a look at the rows:
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
"""

from collections.abc import Iterator
from copy import copy
from typing import TypeVar

from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import render_op, renderers
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import ForeignKeyConstraint, Identity, text
from sqlalchemy.sql.elements import conv

Constraint = TypeVar("Constraint", ops.CreateForeignKeyOp, ops.CreateCheckConstraintOp)
# What a further revision is called, does and undoes.
Part = tuple[str, ops.UpgradeOps, ops.DowngradeOps]


class ConcurrentIndexOp(ops.MigrateOperation):
    """An index is made while others read and write the table."""

    def __init__(self, create: ops.CreateIndexOp) -> None:
        """Make what `create` makes."""
        self.create = create


@renderers.dispatch_for(ConcurrentIndexOp)
def render_concurrent_index(context: AutogenContext, operation: ConcurrentIndexOp) -> list[str]:
    """Return the lines of a revision, which can run again after it has failed."""
    create = copy(operation.create)
    create.kw = {**create.kw, "postgresql_concurrently": True}
    leftover = create.reverse()
    leftover.if_exists, leftover.kw = True, {"postgresql_concurrently": True}
    return [
        "with op.get_context().autocommit_block():",
        "    # A try that failed leaves an invalid index.",
        *(f"    {line}" for line in (*render_op(context, leftover), *render_op(context, create))),
    ]


def in_safe_forms(context: MigrationContext, upgrade: ops.UpgradeOps) -> list[Part]:
    """Take out of `upgrade` what has to wait for a commit, and return it.

    Operations on tables that it creates, on partitioned tables and on constraints without a name
    stay as they are. So does what takes the place of an index or a constraint of its name.

    Args:
        context: connected to the database.
        upgrade: what autogenerate found, in its own order.

    Returns:
        What follows, in its order: each part is for a separate revision, and so transaction.
    """
    assert context.connection is not None
    creates = [operation for operation in upgrade.ops if isinstance(operation, ops.CreateTableOp)]
    created = {(create.schema, create.table_name) for create in creates}
    # The server refuses these forms for them.
    partitions = text("SELECT relname FROM pg_class WHERE relkind = 'p'")
    partitioned = {*context.connection.scalars(partitions)}
    items = [item for create in creates for item in create.columns]
    keys = [item for item in items if isinstance(item, ForeignKeyConstraint)]
    # What a new table's key refers to has to be UNIQUE at once.
    parents = {key.elements[0].target_tokens[:2] for key in keys}
    forms = _Forms(context)
    for group in upgrade.ops:
        if isinstance(group, ops.ModifyTableOps) and group.table_name not in partitioned:
            table = group.schema, group.table_name
            if table not in created:
                group.ops = [*forms.first_steps(group.ops, table in parents)]
    if not forms.uniques:
        for key in forms.keys:
            schema = key.kw.get("source_schema")
            upgrade.ops.append(ops.ModifyTableOps(key.source_table, [key], schema=schema))
    return [*forms.parts()]


class _Forms:
    """What is left to be done of the operations on tables in use."""

    def __init__(self, context: MigrationContext) -> None:
        self._quoting = context.dialect.identifier_preparer
        self._indexes: list[ops.CreateIndexOp] = []
        self.uniques: list[ops.CreateUniqueConstraintOp] = []
        self.keys: list[ops.CreateForeignKeyOp] = []
        self._not_valid: list[ops.AddConstraintOp] = []
        self._not_null: list[tuple[ops.CreateCheckConstraintOp, ops.AlterColumnOp]] = []

    def first_steps(
        self, operations: list[ops.MigrateOperation], is_parent: bool
    ) -> Iterator[ops.MigrateOperation]:
        """Yield what is done first of a table's operations, and keep what is left.

        A new table refers to the table if it `is_parent`.
        """
        replaced: set[object] = {
            op.index_name for op in operations if isinstance(op, ops.DropIndexOp)
        }
        replaced |= {
            op.constraint_name for op in operations if isinstance(op, ops.DropConstraintOp)
        }
        for op in operations:
            match op:
                case ops.CreateIndexOp(index_name=name) if (
                    name in replaced or op.unique and is_parent
                ):
                    yield op
                case ops.CreateIndexOp():
                    self._indexes.append(op)
                case ops.CreateUniqueConstraintOp(constraint_name=str(name)) if not (
                    name in replaced or op.kw or is_parent
                ):
                    self._indexes.append(_index(op))
                    self.uniques.append(op)
                case ops.CreateForeignKeyOp(constraint_name=str()):
                    self.keys.append(self._made_not_valid(op))
                case ops.CreateCheckConstraintOp(constraint_name=str()):
                    yield self._made_not_valid(op)
                case ops.AlterColumnOp(modify_nullable=False) if not isinstance(
                    op.modify_server_default, Identity
                ):
                    yield from self._first_of_not_null(op)
                case _:
                    yield op

    def parts(self) -> Iterator[Part]:
        """Yield what is left: indexes, what needs them, and at last what looks at the rows.

        VALIDATE comes before what locks the table: after it, it would look at the rows under that
        lock.
        """
        for index in self._indexes:
            make = ops.UpgradeOps([ConcurrentIndexOp(index)])
            index.kw.pop("postgresql_concurrently", None)
            yield f"index {index.index_name}", make, ops.DowngradeOps([index.reverse()])
        if self.uniques:
            use = "ADD CONSTRAINT {0} UNIQUE USING INDEX {0}"
            up = ops.UpgradeOps([*(self._alter(op, use) for op in self.uniques), *self.keys])
            down = ops.DowngradeOps([key.reverse() for key in reversed(self.keys)])
            for unique in reversed(self.uniques):
                # The constraint's index goes with it.
                down.ops += [unique.reverse(), _index(unique)]
            yield "constraints", up, down
        if self._not_valid:
            up = ops.UpgradeOps(
                [self._alter(op, "VALIDATE CONSTRAINT {0}") for op in self._not_valid]
            )
            down = ops.DowngradeOps([])
            for check, alter in self._not_null:
                up.ops += [alter, check.reverse()]
                down.ops += [check, alter.reverse()]
            yield "validation", up, down

    def _made_not_valid(self, op: Constraint) -> Constraint:
        """Return the operation, made NOT VALID; unless the model wants that, it is validated."""
        if not op.kw.get("postgresql_not_valid"):
            op.kw["postgresql_not_valid"] = True
            self._not_valid.append(op)
        return op

    def _first_of_not_null(self, op: ops.AlterColumnOp) -> Iterator[ops.MigrateOperation]:
        """Yield the column's other changes, and the CHECK that stands in for NOT NULL."""
        last = ops.AlterColumnOp(
            op.table_name,
            op.column_name,
            schema=op.schema,
            existing_type=op.existing_type if op.modify_type is None else op.modify_type,
            existing_nullable=True,
            modify_nullable=False,
        )
        name = f"ck_{op.column_name}_set"[: self._quoting.dialect.max_identifier_length]
        condition = f"{self._quoting.quote(op.column_name)} IS NOT NULL"
        # Its name is whole: no naming convention is to be applied to it.
        check = ops.CreateCheckConstraintOp(conv(name), op.table_name, condition, schema=op.schema)
        self._not_null.append((check, last))
        op.modify_nullable = None
        if op.has_changes():
            yield op
        yield self._made_not_valid(check)

    def _alter(self, op: ops.AddConstraintOp, action: str) -> ops.ExecuteSQLOp:
        constraint = op.to_constraint()
        assert constraint.table is not None
        name = self._quoting.format_constraint(constraint)
        table = self._quoting.format_table(constraint.table)
        return ops.ExecuteSQLOp(f"ALTER TABLE {table} {action.format(name)}")


def _index(unique: ops.CreateUniqueConstraintOp) -> ops.CreateIndexOp:
    """Return what makes the index of a UNIQUE constraint."""
    name, columns = str(unique.constraint_name), unique.columns
    return ops.CreateIndexOp(
        conv(name), unique.table_name, columns, schema=unique.schema, unique=True
    )
