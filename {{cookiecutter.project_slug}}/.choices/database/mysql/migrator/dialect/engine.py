"""How the migrator connects to MySQL and MariaDB."""

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError

from ..masking import masked

# What the driver raises when it cannot connect, or does not know an option of the URL.
CONNECT_ERRORS = (DBAPIError, AttributeError, OSError)


def connect_arguments(url: URL, timeout: float | None) -> dict[str, object]:
    """Return what the driver is told beside the engine's own options.

    Args:
        url: the database.
        timeout: seconds to wait for each of the server's answers; None waits as long as it takes.
    """
    if timeout is None:
        return {}
    return dict.fromkeys(("connect_timeout", "read_timeout", "write_timeout"), timeout)


def check(connection: Connection) -> None:
    """Accept every connection: the server has answered."""


def reason_of(url: URL, error: Exception) -> str:
    """Return why the database cannot be reached, for a person to read, without the password."""
    reason = error.orig.args[-1] if isinstance(error, DBAPIError) and error.orig else error
    return f"Cannot connect to {masked(url)}: {reason}"
