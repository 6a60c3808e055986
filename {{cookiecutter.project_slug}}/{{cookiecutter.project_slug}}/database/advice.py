"""What to type next, where Alembic only says that the database is not where it should be."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from .status import database_status

# How Alembic's own messages begin.
EXPLAINED = (
    "Target database is not up to date",
    "Can't locate revision",
    "Multiple head revisions",
)


@contextmanager
def explained_errors(context: MigrationContext) -> Iterator[None]:
    """Add the database's status and the next command to an error of Alembic's.

    Raises:
        CommandError: the body did, with more to read if the database's state is the reason.
    """
    try:
        yield
    except CommandError as error:
        # Offline, there is a connection that connects to nothing.
        if context.as_sql or not str(error).startswith(EXPLAINED):
            raise
        assert context.connection is not None
        assert context.script is not None
        status = database_status(context.connection, context.script)
        if not status.command:
            raise
        message = f"{str(error).rstrip('.')}. {status.sentence} Next: {status.command}"
        raise CommandError(message) from error
