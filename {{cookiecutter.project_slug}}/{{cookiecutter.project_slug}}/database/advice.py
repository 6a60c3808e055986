"""What to do next, where Alembic or the database only says what is wrong."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from .server import is_denied
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
        CommandError: the body did, with more to read if the database's state is the reason; or
            the database does not let its user do what a revision does.
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
    except DBAPIError as error:
        if not is_denied(error):
            raise
        # The rest of what a server says is where in the statement it was.
        reason = str(error.orig.args[-1] if error.orig else error).splitlines()[0]
        raise CommandError(
            f"The database does not let its user migrate: {reason}. The URL of one who may goes"
            " into MIGRATION_DATABASE_URL."
        ) from error
