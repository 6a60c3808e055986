"""What nothing is migrated through, with what to do instead."""

import os

from alembic.util import CommandError
from sqlalchemy import Connection

from .server import is_standby, is_through_pooler, unsupported
from .urls import HOSTS_EXAMPLE

ALLOWANCE = "MIGRATION_THROUGH_POOLER"

STANDBY = (
    "The server is a standby, which takes no changes. Migrate the primary: set"
    " MIGRATION_DATABASE_URL to its URL, or name all servers and ask for the one that writes:"
    f" {HOSTS_EXAMPLE}"
)
POOLER = (
    "The connection goes through a pooler (PgBouncer, RDS Proxy, Supavisor, pgcat or the like)."
    " The migration lock belongs to a server's connection, and a pooler may give each transaction"
    f" another one. Set MIGRATION_DATABASE_URL to the server's own URL, or {ALLOWANCE}=1 if the"
    " pooler keeps one server connection for each client (session pooling)."
)


def refuse_to_migrate(connection: Connection) -> None:
    """Stop before anything is changed where the lock does not hold, or nothing can be changed.

    Raises:
        CommandError: the server is not PostgreSQL, is a standby, or is behind a pooler that
            `MIGRATION_THROUGH_POOLER` does not allow.
    """
    if reason := unsupported(connection):
        raise CommandError(reason)
    if is_standby(connection):
        raise CommandError(STANDBY)
    if is_through_pooler(connection) and os.environ.get(ALLOWANCE) != "1":
        raise CommandError(POOLER)
    connection.rollback()
