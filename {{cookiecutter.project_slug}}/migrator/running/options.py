"""How Alembic is configured: the same for every way of running it."""

from typing import Any

from sqlalchemy import MetaData

from ..dialect.registration import DIALECT_OPTIONS, register
from ..project import Project
from .guards import compares


def context_options(project: Project) -> dict[str, Any]:
    """Return the keyword arguments for `context.configure`, without the database itself.

    Args:
        project: the app. Its models are loaded for a command that compares them.
    """
    register()
    options = {
        "target_metadata": MetaData(),
        "version_table": project.version_table,
        "version_table_schema": project.version_table_schema,
        **DIALECT_OPTIONS,
    }
    if compares():
        # Imported late: an upgrade starts sooner without it.
        from ..autogenerate.options import autogenerate_options

        options |= autogenerate_options(project)
    return options
