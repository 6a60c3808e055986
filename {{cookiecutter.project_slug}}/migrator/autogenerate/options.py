"""How Alembic is configured to compare models and database."""

import logging
from collections.abc import Iterable
from typing import Any, Literal

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import _repr_type
from alembic.operations.ops import DropTableOp, MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from ..project import Project
from ..running.guards import command_name
from .bound_names import move_checks, render_column
from .files import in_files
from .order import order_operations
from .ownership import is_own_name
from .progress import report_progress
from .renames import are_renames, find_renames
from .stored import register_comparators

log = logging.getLogger("alembic.autogenerate")


def autogenerate_options(project: Project) -> dict[str, Any]:
    """Return the keyword arguments for `context.configure` that autogenerate needs.

    Args:
        project: the app, whose models are loaded.
    """
    report_progress()
    register_comparators()
    options = {
        "target_metadata": project.load_metadata(),
        "compare_type": True,
        "compare_server_default": True,
        # is_own_name chooses the project's own of all schemas and tables.
        "include_schemas": True,
        "include_name": is_own_name,
        # CHECK constraints are compared by their names only if asked for.
        "autogenerate_plugins": ["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname"],
        "render_item": render_item,
        "process_revision_directives": review,
    }
    # In place of the dialect's.
    return options if project.safe_forms else {**options, "in_safe_forms": None}


def render_item(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    """Return the Python text of `item` where Alembic's own would be wrong, else False.

    Alembic renders a type that is not SQLAlchemy's; here the revision gets its import. A type
    decorator's is the type in the database, without the app, which may change.
    """
    if kind == "server_default" and isinstance(getattr(item, "arg", None), str):
        # Alembic strips quotes at both ends, and writes an enum's member as such.
        return str.__repr__(item.arg)
    if kind == "column":
        return render_column(item, context) or False
    if isinstance(item, sa.TypeDecorator):
        assert context.migration_context is not None
        return _repr_type(item.type_engine(context.migration_context.dialect), context)
    module = type(item).__module__
    if kind == "type" and module.partition(".")[0] != "sqlalchemy":
        context.imports.add(f"import {module}")
    return False


def review(
    context: MigrationContext, revision: str | Iterable[str | None], scripts: list[MigrationScript]
) -> None:
    """Order what autogenerate found, name what it drops, and write no empty revision.

    What would keep a table's users waiting follows in separate revisions.

    Raises:
        CommandError: there are no models, but the database has tables.
    """
    if not context.opts["target_metadata"].tables:
        _refuse_without_models(context)
    [script] = scripts
    is_written = command_name(context) == "revision"
    parts = []
    for upgrade, downgrade in zip(script.upgrade_ops_list, script.downgrade_ops_list, strict=True):
        move_checks(upgrade)
        find_renames(upgrade)
        if is_written and (in_safe_forms := context.opts.get("in_safe_forms")):
            parts += in_safe_forms(context, upgrade)
        order_operations(upgrade, downgrade, supports_alter=context.dialect.supports_alter)
        if are_renames(upgrade.ops):
            log.warning("Database and models differ in nothing but the names of constraints")
        for operation in upgrade.ops:
            if isinstance(operation, DropTableOp):
                log.warning(
                    "%s: no model has this table any more, so it is to be dropped with its rows",
                    operation.table_name,
                )
    scripts[:] = in_files(script, parts)
    nothing_to_do = all(upgrade.is_empty() for upgrade in script.upgrade_ops_list)
    if nothing_to_do and is_written:
        log.info("The database has all that the models have: no revision is written")
        scripts.clear()


def _refuse_without_models(context: MigrationContext) -> None:
    assert context.connection is not None
    tables = set(sa.inspect(context.connection).get_table_names()) - {context.version_table}
    if tables:
        names = ", ".join(sorted(tables)[:3]) + ", ..." * (len(tables) > 3)
        raise CommandError(
            f"No model was found below models/, but the database has tables ({names}): refusing to"
            " drop them all. If that is meant, write the revision by hand."
        )
