"""How the migrator connects to SQLite."""

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DatabaseError

from ..paths import INSTANCE

# What the driver raises when it cannot connect.
CONNECT_ERRORS = (DatabaseError,)


def connect_arguments(url: URL, timeout: float | None) -> dict[str, object]:
    """Return what the driver is told beside the engine's own options.

    Args:
        url: the file; its folder is made if it is `instance/`.
        timeout: seconds to wait for another process's lock; None waits as the engine does.
    """
    if str(INSTANCE) in (url.database or ""):
        INSTANCE.mkdir(exist_ok=True)
    return {} if timeout is None else {"timeout": timeout}


def check(connection: Connection) -> None:
    """Read the file for the first time.

    Raises:
        DatabaseError: it is no SQLite database.
    """
    connection.exec_driver_sql("PRAGMA schema_version")
    connection.rollback()


def reason_of(url: URL, error: Exception) -> str:
    """Return why the database cannot be reached, for a person to read."""
    return f"Cannot open {url.database}: {getattr(error, 'orig', error)}"
