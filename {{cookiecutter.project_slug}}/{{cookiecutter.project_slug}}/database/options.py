"""How Alembic is configured: the same for every way of running it."""

import logging
from collections.abc import Iterable
from typing import Any, Literal

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import DropTableOp, MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from .base import Base
from .circular import separate_foreign_keys
from .dialect_options import DIALECT_OPTIONS
from .drop_order import order_drops
from .guards import command_name
from .ownership import is_own_name

log = logging.getLogger("alembic.autogenerate")


def context_options() -> dict[str, Any]:
    """Return the keyword arguments for `context.configure`, but for the database itself."""
    return {
        "target_metadata": Base.metadata,
        "compare_type": True,
        "compare_server_default": True,
        # Of all schemas, as of all tables, is_own_name picks the project's own.
        "include_schemas": True,
        "include_name": is_own_name,
        # CHECK constraints are compared by their names only if asked for.
        "autogenerate_plugins": ["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname"],
        "render_item": render_item,
        "process_revision_directives": review,
        **DIALECT_OPTIONS,
    }


def render_item(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    """Return the Python text of `item` where Alembic's own would be wrong, else False.

    A type that is not SQLAlchemy's is Alembic's to render, once the revision imports it.
    """
    if kind == "server_default" and isinstance(getattr(item, "arg", None), str):
        # Alembic takes quotes at either end away, and writes an enum's member as such.
        return str.__repr__(item.arg)
    module = type(item).__module__
    if kind == "type" and module.partition(".")[0] != "sqlalchemy":
        context.imports.add(f"import {module}")
    return False


def review(
    context: MigrationContext, revision: str | Iterable[str | None], scripts: list[MigrationScript]
) -> None:
    """Look at what autogenerate found: order and name what is dropped, write no empty revision.

    Raises:
        CommandError: there are no models, but the database has tables.
    """
    if not Base.metadata.tables:
        _refuse_without_models(context)
    [script] = scripts
    if context.dialect.supports_alter:
        for pair in zip(script.upgrade_ops_list, script.downgrade_ops_list, strict=True):
            separate_foreign_keys(*pair)
    for operations in (*script.upgrade_ops_list, *script.downgrade_ops_list):
        order_drops(operations)
    for upgrade_ops in script.upgrade_ops_list:
        for operation in upgrade_ops.ops:
            if isinstance(operation, DropTableOp):
                log.warning(
                    "%s: no model has this table any more, so it is to be dropped with its rows",
                    operation.table_name,
                )
    nothing_to_do = all(upgrade_ops.is_empty() for upgrade_ops in script.upgrade_ops_list)
    if nothing_to_do and command_name(context) == "revision":
        log.info("The database has all that the models have: no revision is written")
        scripts.clear()


def _refuse_without_models(context: MigrationContext) -> None:
    assert context.connection is not None
    tables = set(sa.inspect(context.connection).get_table_names()) - {context.version_table}
    if tables:
        raise CommandError(
            f"No model was found below models/, but the database has {len(tables)} tables"
            f" ({', '.join(sorted(tables)[:3])}, ...): refusing to take them all for deleted."
        )
