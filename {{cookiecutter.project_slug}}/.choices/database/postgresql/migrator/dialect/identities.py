"""Drops an identity.

Alembic 1.20 drops one only if it is told that there is one, and does not write that into a revision
that takes the server's default away.
"""

from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import _alter_column, renderers
from alembic.operations.ops import AlterColumnOp, ModifyTableOps, UpgradeOps
from sqlalchemy import Identity


class DropIdentityOp(AlterColumnOp):
    """A column loses its identity."""

    def reverse(self) -> AlterColumnOp:
        """Return what gives the column its identity back."""
        reverse = super().reverse()
        reverse.__class__ = AlterColumnOp
        return reverse


@renderers.dispatch_for(DropIdentityOp)
def render_drop(context: AutogenContext, operation: DropIdentityOp) -> str:
    """Return the text of a revision's line."""
    rendered = _alter_column(context, operation).removesuffix(")")
    return f"{rendered}, existing_server_default=sa.Identity())"


def drop_identities(
    context: AutogenContext, upgrade_ops: UpgradeOps, schemas: set[str | None]
) -> None:
    """Have each column that loses its identity drop it."""
    for group in upgrade_ops.ops:
        for operation in group.ops if isinstance(group, ModifyTableOps) else ():
            if (
                isinstance(operation, AlterColumnOp)
                and operation.modify_server_default is None
                and isinstance(operation.existing_server_default, Identity)
            ):
                operation.__class__ = DropIdentityOp
