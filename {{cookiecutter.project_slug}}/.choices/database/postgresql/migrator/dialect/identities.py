"""Says in a revision that a column had an identity.

Alembic 1.20 drops or changes one only if it is told that there is one, and does not write that into a
revision that gives the column another default or takes it away.
"""

from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import _alter_column, _render_server_default, renderers
from alembic.operations.ops import AlterColumnOp
from sqlalchemy import Identity


@renderers.dispatch_for(AlterColumnOp, replace=True)
def render_alter_column(context: AutogenContext, operation: AlterColumnOp) -> str:
    """Return the text of a revision's line."""
    rendered = _alter_column(context, operation)
    old = operation.existing_server_default
    if operation.modify_server_default is False or not isinstance(old, Identity):
        return rendered
    default = _render_server_default(old, context)
    return rendered.removesuffix(")") + f", existing_server_default={default})"
