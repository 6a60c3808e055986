"""What is about to happen to the database, and whether it may."""

import os
from collections.abc import Mapping
from typing import Any

from alembic import context as environment
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from ..project import Project

WRITING = ("upgrade", "downgrade", "stamp", "ensure_version")
# They read which revision is noted in the database, and nothing else of it.
READING = ("current", "history", "edit")


def command_name(context: MigrationContext) -> str:
    """Return which of Alembic's commands runs, whether a command line or a program called it."""
    return _name(context.opts)


def is_writing(context: MigrationContext) -> bool:
    """Return whether the command changes the database."""
    return command_name(context) in WRITING


def compares() -> bool:
    """Return whether the command that runs alembic/env.py may compare models and database."""
    # Before env.py has configured the context, only Alembic's proxy knows.
    return _name(vars(environment)["_proxy"].context_opts) not in (*WRITING, *READING)


def _name(options: Mapping[str, Any]) -> str:
    # Each command hands its own function to the context; nothing else tells them apart.
    name: str = options["fn"].__qualname__
    return name.partition(".")[0]


def refuse_downgrade(context: MigrationContext, project: Project) -> None:
    """Stop a downgrade in staging and production, where it deletes what users have written.

    Raises:
        CommandError: the command is `downgrade`, and `ALLOW_DOWNGRADE` is not 1.
        SettingsError: `ENVIRONMENT` is unknown.
    """
    if command_name(context) != "downgrade" or os.environ.get("ALLOW_DOWNGRADE") == "1":
        return
    environment = project.environment()
    if environment in ("staging", "production"):
        raise CommandError(
            f"A downgrade in {environment} deletes data; set ALLOW_DOWNGRADE=1 if that is meant."
        )
