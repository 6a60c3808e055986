"""What the PostgreSQL server says about itself: its version, its role, and its sessions."""

import shlex
from importlib import import_module
from importlib.util import find_spec

from alembic.script import Script
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


# What speaks PostgreSQL's protocol without its locks, by a part of what version() returns.
_OTHERS = {"CockroachDB": "CockroachDB", "-YB-": "YugabyteDB"}


def server_version(connection: Connection) -> str:
    """Return the server's name and version, and whether a pooler stands before it."""
    version = f"PostgreSQL {connection.scalar(text('SHOW server_version'))}"
    return version + ", through a pooler" * is_through_pooler(connection)


def unsupported(connection: Connection) -> str:
    """Return why this server cannot be migrated, whatever its state; empty when it can."""
    return why_unsupported(str(connection.scalar(text("SELECT version()"))))


def why_unsupported(version: str) -> str:
    """Return why a server is not migrated that calls itself `version`; empty when it is."""
    for part, name in _OTHERS.items():
        if part in version:
            return (
                f"The server is {name}, which lacks PostgreSQL's locks: two migrations could run"
                " at once. This project is for PostgreSQL."
            )
    return ""


def is_standby(connection: Connection) -> bool:
    """Return whether the server only repeats what another one does."""
    return bool(connection.scalar(text("SELECT pg_is_in_recovery()")))


def is_unwanted_standby(connection: Connection) -> bool:
    """Return whether the server is a standby, and the URL does not ask for one."""
    wanted = connection.engine.url.query.get("target_session_attrs")
    return wanted not in ("standby", "prefer-standby", "read-only") and is_standby(connection)


def is_through_pooler(connection: Connection) -> bool:
    """Return whether the driver talks to a pooler, which tells it another process than works.

    This was found for PgBouncer 1.18 and 1.26. A process is told so that a client can cancel
    what it does, and a pooler has to give each client a process of that client's own.
    """
    driver = connection.connection.driver_connection
    assert driver is not None
    return bool(connection.scalar(text("SELECT pg_backend_pid()")) != driver.info.backend_pid)


def earlier_attempt(connection: Connection, script: Script, is_stamped: bool) -> str:
    """Return nothing: a revision that was killed is rolled back as a whole."""
    return ""


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


def denial(error: DBAPIError, url: URL) -> str:
    """Return why the user may not do that, and what to do; nothing if that is not the error."""
    if error.orig is None or sqlstate(error) != DENIED:
        return ""
    # The rest of what a server says is where in the statement it was.
    reason = str(error.orig.args[-1]).splitlines()[0]
    return (
        f"The database does not let its user migrate: {reason}. Set MIGRATION_DATABASE_URL to the"
        " URL of a user who may."
    )


def next_step(url: URL, error: str) -> str:
    """Return a command that shows or mends why the server cannot be used.

    Args:
        url: the database.
        error: what the driver says, in English or in the server's own language.
    """
    user = f" -U {shlex.quote(url.username)}" if url.username else ""
    database = shlex.quote(url.database or "")
    servers = [f"-h {shlex.quote(host)} -p {port}" for host, port in hosts(url)]
    if f'database "{url.database}" does not exist' in error:
        return f"createdb {servers[0]}{user} {database}"
    if "password authentication failed" in error:
        # It asks for the password.
        return f"psql {servers[0]}{user} -W {database}"
    return "; ".join(f"pg_isready {server}" for server in servers)


def hosts(url: URL) -> list[tuple[str, int]]:
    """Return the names and ports of the servers that `url` names."""
    named = url.query.get("host", ())
    if not named:
        return [(url.host or "localhost", url.port or 5432)]
    found = []
    for host in (named,) if isinstance(named, str) else named:
        name, _, port = host.partition(":")
        found.append((name, int(port) if port.isdigit() else url.port or 5432))
    return found
