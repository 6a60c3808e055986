"""CHECK constraints that belong to types or columns, written out in revisions.

`sa.Enum(…, create_constraint=True, name="mood")` and `sa.Boolean` have the constraint made by the
type. In a model, the naming convention makes `ck_thing_mood` of its name. A revision has no
convention, so its type has to have the whole name.
"""

from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import _render_column
from alembic.operations.ops import AlterColumnOp, CreateTableOp, ModifyTableOps, OpContainer
from sqlalchemy import Boolean, CheckConstraint, Column, Enum
from sqlalchemy.sql.elements import conv


def render_column(column: Column[Any], context: AutogenContext) -> str | None:
    """Return the Python text of a new column, None where Alembic's own is right.

    Args:
        column: of a table that a revision makes or adds it to.
        context: of autogenerate.
    """
    name = _bound_name(column, context)
    if name is None:
        return None
    named = column._copy()
    # The copy has no table, so it does not come here again.
    bound_type: Any = column.type.copy()
    bound_type.name = name
    # In a table that is there, Alembic adds the constraint beside the column.
    bound_type.create_constraint = _is_copy(column, context)
    named.type = bound_type
    text = _render_column(named, context)
    # As Alembic writes other whole names: no convention changes it.
    return text.replace(f"name={name!r}", f"name=op.f({name!r})")


def move_checks(operations: OpContainer) -> None:
    """Change operations in place: a CHECK of a column, or of its type, is made once, with its name.

    In a new table, Alembic leaves out a CHECK that was given to a column. Where a column gets another
    type, it finds the type's CHECK, and would make it once more with the column.
    """
    for group in operations.ops:
        if isinstance(group, CreateTableOp):
            columns = [item for item in group.columns if isinstance(item, Column)]
            checks = (_of_table(check) for column in columns for check in column.constraints)
            group.columns = [*group.columns, *checks]
        for part in group.ops if isinstance(group, ModifyTableOps) else []:
            if isinstance(part, AlterColumnOp):
                part.modify_type = _unbound(part.modify_type)
                part.existing_type = _unbound(part.existing_type)


def _of_table(constraint: Any) -> CheckConstraint:
    # Alembic cannot copy one that has a column for its parent.
    return CheckConstraint(constraint.sqltext, name=constraint.name, **constraint.dialect_kwargs)


def _unbound(type_: Any) -> Any:
    if getattr(type_, "create_constraint", False):
        type_ = type_.copy()
        type_.create_constraint = False
    return type_


def _is_copy(column: Column[Any], context: AutogenContext) -> bool:
    """Return whether Alembic renders a new table: it copies the model's for that."""
    tables = context.opts["target_metadata"].tables
    return tables.get(column.table.key) is not column.table


def _bound_name(column: Column[Any], context: AutogenContext) -> str | None:
    """Return what the convention calls the constraint of a column's type; None without one."""
    assert context.dialect is not None
    match column.type:
        case Enum(create_constraint=True, native_enum=native):
            # The name of a native type is the type's.
            if native and context.dialect.supports_native_enum:
                return None
        case Boolean(create_constraint=True):
            pass
        case _:
            return None
    # Alembic renders a copy, which has no convention.
    tables = context.opts["target_metadata"].tables
    model = None if column.table is None else tables.get(column.table.key)
    for constraint in () if model is None else model.constraints:
        if (
            isinstance(constraint, CheckConstraint)
            and constraint._type_bound
            and isinstance(constraint.name, conv)
            and column.name in constraint.columns
        ):
            return str(constraint.name)
    return None
