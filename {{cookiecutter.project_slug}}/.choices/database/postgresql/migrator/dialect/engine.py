"""How the migrator connects to PostgreSQL."""

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError

from ..masking import masked
from .server import why_unsupported

# What the driver raises when it cannot connect, and SQLAlchemy for a version that it cannot read.
CONNECT_ERRORS = (DBAPIError, AssertionError)


def connect_arguments(url: URL, timeout: float | None) -> dict[str, object]:
    """Return what the driver is told beside the engine's own options.

    Args:
        url: the database.
        timeout: seconds, 2 at least, to wait for the connection and for what is sent on it to
            arrive; None waits as long as it takes.
    """
    # Whoever looks at pg_stat_activity sees what this is.
    name: dict[str, object] = {"fallback_application_name": "alembic"}
    if timeout is None:
        return name
    return name | {"connect_timeout": int(timeout), "tcp_user_timeout": int(timeout * 1000)}


def check(connection: Connection) -> None:
    """Accept every connection: the server has answered."""


def reason_of(url: URL, error: Exception) -> str:
    """Return why the database cannot be reached, for a person to read, without the password."""
    if reason := why_unsupported(str(error)):
        return reason
    return (
        f"Cannot connect to {masked(url)}: {' '.join(str(getattr(error, 'orig', error)).split())}"
    )
