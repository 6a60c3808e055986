"""What nothing is migrated on, with what to do instead."""

from alembic.util import CommandError
from sqlalchemy import Connection

from .server import is_unwanted_standby, unsupported


def refuse_to_migrate(connection: Connection) -> None:
    """Stop before anything is changed where the lock does not hold, or nothing can be changed.

    Raises:
        CommandError: the server is neither MySQL nor MariaDB, or is read only.
    """
    if reason := unsupported(connection):
        raise CommandError(reason)
    if is_unwanted_standby(connection):
        raise CommandError(
            "The server is read only, as replicas and secondaries are. Migrate the primary: set"
            " MIGRATION_DATABASE_URL to its URL."
        )
    connection.rollback()
