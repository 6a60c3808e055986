"""Changes of type for which PostgreSQL has to be told how: with USING, in both directions."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import renderers
from alembic.operations.ops import AlterColumnOp, ModifyTableOps, UpgradeOps
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import ENUM, CreateEnumType

from .identities import render_alter_column
from .stored import answers, execute, guarded

log = logging.getLogger("alembic.autogenerate")


class CastOp(AlterColumnOp):
    """A change of type with the casts that the server does not do by itself."""

    using: str | None = None
    using_to_reverse: str | None = None

    def reverse(self) -> "CastOp":
        """Return the change back."""
        reverse = super().reverse()
        assert isinstance(reverse, CastOp)
        reverse.using, reverse.using_to_reverse = self.using_to_reverse, self.using
        return reverse


@renderers.dispatch_for(CastOp)
def render_cast(context: AutogenContext, operation: CastOp) -> str:
    """Return the text of a revision's line."""
    rendered = render_alter_column(context, operation)
    using = f", postgresql_using={operation.using!r}" if operation.using else ""
    return rendered.removesuffix(")") + using + ")"


def add_casts(context: AutogenContext, upgrade_ops: UpgradeOps, schemas: set[str | None]) -> None:
    """Give each change of type the USING that it needs, and name it.

    Raises:
        CommandError: there is no cast.
    """
    assert context.connection is not None
    assert context.dialect is not None
    changes = [
        operation
        for group in upgrade_ops.ops
        if isinstance(group, ModifyTableOps)
        for operation in group.ops
        if isinstance(operation, AlterColumnOp) and operation.modify_type is not None
    ]
    if not changes:
        return
    type_text: Any = context.dialect.type_compiler_instance.process
    types = [(type_text(c.existing_type), type_text(c.modify_type)) for c in changes]
    new_types = [
        guarded(execute(str(CreateEnumType(type_).compile(dialect=context.dialect))))
        for change in changes
        if change.modify_type is not None
        and isinstance(type_ := change.modify_type.dialect_impl(context.dialect), ENUM)
    ]
    refused = _refused(context.connection, new_types, [*types, *(both[::-1] for both in types)])
    for operation, (old, new) in zip(changes, types, strict=True):
        name = f"{operation.table_name}.{operation.column_name}"
        column = context.dialect.identifier_preparer.quote(operation.column_name)
        # alembic_postgresql_enum has some for types of its, without quotes and not for the way back.
        is_given = operation.kw.pop("postgresql_using", None) is not None
        if (old, new, True) in refused and not is_given:
            raise CommandError(
                f"{name}: PostgreSQL has no cast from {old} to {new}. To keep the values, write a"
                " revision by hand: op.alter_column with type_, and postgresql_using with the SQL of"
                " the new values. To lose them, write a revision without the column in the model,"
                " and the next one with it."
            )
        if is_given or (old, new, False) in refused or (new, old, False) in refused:
            operation.__class__ = CastOp
            assert isinstance(operation, CastOp)
            # Any type can be written as text and read again.
            by_text = {
                both: "::text" * ((*both, True) in refused) for both in ((old, new), (new, old))
            }
            if is_given or (old, new, False) in refused:
                operation.using = f"{column}{by_text[old, new]}::{new}"
            if (new, old, False) in refused:
                operation.using_to_reverse = f"{column}{by_text[new, old]}::{old}"
            log.warning(
                "%s: %s becomes %s with USING, up or down: a value that has no cast stops it",
                name,
                old,
                new,
            )


def _refused(
    connection: Connection, new_types: Iterable[str], casts: Iterable[Sequence[str]]
) -> set[tuple[str, str, bool]]:
    """Return the casts that the server refuses: from, to, and whether when told to as well."""
    asked = [(old, new, told) for old, new in casts for told in (False, True)]
    body = [*new_types]
    for number, (old, new, told) in enumerate(asked):
        using = f" USING c::{new}" if told else ""
        body.append(f"""
            BEGIN
                EXECUTE $sql$CREATE TEMPORARY TABLE alembic_cast (c {old})$sql$;
                EXECUTE $sql$ALTER TABLE pg_temp.alembic_cast ALTER c TYPE {new}{using}$sql$;
                EXECUTE $sql$DROP TABLE pg_temp.alembic_cast$sql$;
            EXCEPTION
                WHEN datatype_mismatch OR cannot_coerce THEN
                    INSERT INTO alembic_answer VALUES ({number});
                WHEN OTHERS THEN NULL;
            END;
        """)
    return {asked[number] for number in answers(connection, body) or ()}
