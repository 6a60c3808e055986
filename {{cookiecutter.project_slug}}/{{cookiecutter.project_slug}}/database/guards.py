"""What is about to happen to the database, and whether it may."""

import os

from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from ..settings import current_environment


def is_writing(context: MigrationContext) -> bool:
    """Return whether the command changes the database: upgrade, downgrade or stamp."""
    return "destination_rev" in context.opts


def refuse_downgrade(context: MigrationContext) -> None:
    """Stop a downgrade in staging and production, where it deletes what users have written.

    Raises:
        CommandError: the command is `downgrade`, and `ALLOW_DOWNGRADE` is not 1.
    """
    # The function that Alembic's command handed over is the only sign of which one it is.
    if context.opts["fn"].__name__ != "downgrade" or os.environ.get("ALLOW_DOWNGRADE") == "1":
        return
    environment = current_environment()
    if environment in ("staging", "production"):
        raise CommandError(
            f"A downgrade in {environment} deletes data; set ALLOW_DOWNGRADE=1 if that is meant."
        )
