"""How Alembic is configured: the same for every way of running it."""

import logging
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import DropTableOp, MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from .base import Base
from .dialect_options import DIALECT_OPTIONS
from .guards import command_name
from .ownership import is_own_name

log = logging.getLogger("alembic.autogenerate")


def context_options() -> dict[str, Any]:
    """Return the keyword arguments for `context.configure`, but for the database itself."""
    return {
        "target_metadata": Base.metadata,
        "compare_type": True,
        "compare_server_default": True,
        "include_schemas": any(table.schema for table in Base.metadata.tables.values()),
        "include_name": is_own_name,
        "render_item": import_its_module,
        "process_revision_directives": review,
        **DIALECT_OPTIONS,
    }


def import_its_module(kind: str, item: Any, context: AutogenContext) -> bool:
    """Make the revision import a type that is not SQLAlchemy's; Alembic renders it."""
    module = type(item).__module__
    if kind == "type" and module.partition(".")[0] != "sqlalchemy":
        context.imports.add(f"import {module}")
    return False


def review(
    context: MigrationContext, revision: str | Iterable[str | None], scripts: list[MigrationScript]
) -> None:
    """Look at what autogenerate found: write no empty revision, and name dropped tables.

    Raises:
        CommandError: there are no models, but the database has tables.
    """
    if not Base.metadata.tables:
        _refuse_without_models(context)
    [script] = scripts
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
