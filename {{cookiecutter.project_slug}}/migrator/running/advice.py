"""What to do next, where Alembic or the database only says what is wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from traceback import walk_tb

from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from ..dialect.server import denial
from ..errors import SettingsError
from ..project import Project

# How Alembic's own messages begin.
EXPLAINED = (
    "Target database is not up to date",
    "Can't locate revision",
    "Multiple head revisions",
)
# How Flask's message begins.
NO_APP_CONTEXT = "Working outside of application context"


@contextmanager
def explained_settings() -> Iterator[None]:
    """Turn what is wrong around the migrations into a line that Alembic prints without traceback.

    Raises:
        CommandError: a setting is missing or wrong, a model or revision needs Flask's
            application context where the project has none, or the connection was lost while
            nothing was under way.
    """
    try:
        yield
    except SettingsError as error:
        raise CommandError(str(error)) from error
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        reason = str(error.orig.args[-1] if error.orig else error).splitlines()[0]
        raise CommandError(
            f"The connection to the database was lost: {reason}. Run the command again."
        ) from error
    except RuntimeError as error:
        if not str(error).startswith(NO_APP_CONTEXT):
            raise
        raise CommandError(
            "A model or a revision needs Flask's application context (current_app), but migrations"
            " of this project run without Flask: take it from an environment variable instead."
        ) from error


@contextmanager
def explained_errors(context: MigrationContext, project: Project) -> Iterator[None]:
    """Add the database's status and the next command to an error of Alembic's.

    Raises:
        CommandError: the body did, with more to read if the database's state is the reason; or
            the database does not let its user do what a revision does; or a revision has to end
            a transaction that is not its own.
    """
    try:
        yield
    except CommandError as error:
        # Offline, there is a connection that connects to nothing.
        if context.as_sql or not str(error).startswith(EXPLAINED):
            raise
        assert context.connection is not None
        assert context.script is not None
        # Imported late: only an error needs it.
        from ..status import database_status

        status = database_status(context.connection, context.script, project)
        if not status.command:
            raise
        message = f"{str(error).rstrip('.')}. {status.sentence} Next: {status.command}"
        raise CommandError(message) from error
    except DBAPIError as error:
        assert context.connection is not None
        message = denial(error, context.connection.engine.url)
        if not message:
            raise
        raise CommandError(message) from error
    except AssertionError as error:
        *_, (frame, _) = walk_tb(error.__traceback__)
        if frame.f_code.co_name != "autocommit_block":
            raise
        raise CommandError(
            "A revision has an autocommit_block, but the program that runs it has a transaction open"
            " on its connection: commit that first, or hand over a connection without one."
        ) from error
