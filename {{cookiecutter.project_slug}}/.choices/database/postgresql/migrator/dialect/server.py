"""What the PostgreSQL server says about itself: its version, and its sessions."""

import shlex
from importlib import import_module
from importlib.util import find_spec

from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import DBAPIError

from ..limits import lock_timeout
from .halfway import sqlstate

# psycopg 2 where psycopg 3 is not installed; see urls.py.
_driver = import_module("psycopg" if find_spec("psycopg") else "psycopg2")
DRIVER = f"{_driver.__name__} {_driver.__version__.split()[0]}"
DENIED = "42501"  # the server's code for it

# A table that is locked at all, for reading too, cannot be altered. Sessions of other users
# have no state for a user who may not see it.
_BLOCKING = text("""
    SELECT concat_ws(', ', 'process ' || pid, 'user ' || usename, application_name,
                     'from ' || host(client_addr), state,
                     'in a transaction since ' || date_trunc('second', xact_start),
                     'holds ' || string_agg(DISTINCT relname, ' and '))
    FROM pg_locks JOIN pg_stat_activity USING (pid) JOIN pg_class ON pg_class.oid = relation
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND granted
      AND relkind IN ('r', 'p', 'm') AND relnamespace::regnamespace::text !~ '^(pg_|information_)'
      AND (state IS NULL OR state LIKE 'idle in transaction%'
           OR xact_start < now() - make_interval(secs => :seconds))
    GROUP BY pid, usename, application_name, client_addr, state, xact_start
    ORDER BY xact_start
""")

# LEAST ignores what is not set.
_MOST_CONNECTIONS = text("""
    SELECT LEAST(current_setting('max_connections')::int
                 - current_setting('superuser_reserved_connections')::int
                 - COALESCE(current_setting('reserved_connections', true)::int, 0),
                 NULLIF(rolconnlimit, -1), NULLIF(datconnlimit, -1))
    FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()
""")


def server_version(connection: Connection) -> str:
    """Return the server's name and version."""
    return f"PostgreSQL {connection.scalar(text('SHOW server_version'))}"


def most_connections(connection: Connection) -> int | None:
    """Return how many connections this user may have to this database, all its others included."""
    most: int = connection.scalar(_MOST_CONNECTIONS)
    return most


def blocking_sessions(connection: Connection) -> list[str]:
    """Return a line for each session that a migration would wait for in vain.

    These hold a lock on a table, and are idle in their transaction, or have been in it for
    longer than `MIGRATION_LOCK_TIMEOUT`.
    """
    return list(connection.scalars(_BLOCKING, {"seconds": lock_timeout()}))


def is_denied(error: DBAPIError) -> bool:
    """Return whether the server refused a statement because the user may not do that."""
    return sqlstate(error) == DENIED


def ping_command(url: URL) -> str:
    """Return a command that shows whether the server answers."""
    host, port = url.host or "localhost", url.port or 5432
    return f"pg_isready -h {shlex.quote(host)} -p {port}"
