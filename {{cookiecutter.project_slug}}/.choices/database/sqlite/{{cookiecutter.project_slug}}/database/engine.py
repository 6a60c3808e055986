"""The connection that migrations run on."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util import CommandError
from sqlalchemy import URL, Connection, NullPool, create_engine
from sqlalchemy.exc import DatabaseError

from ..settings import INSTANCE
from .limits import lock_wait


@contextmanager
def connect(url: URL, timeout: int | None = None) -> Iterator[Connection]:
    """Yield a connection to the SQLite file that `url` names, and close it.

    Args:
        url: the file.
        timeout: seconds to wait for another process's lock; `MIGRATION_WAIT` if None.

    Raises:
        CommandError: the file cannot be opened, or is no SQLite database.
    """
    if str(INSTANCE) in (url.database or ""):
        INSTANCE.mkdir(exist_ok=True)
    wait = lock_wait() if timeout is None else timeout
    try:
        # Values may be secrets, and an error is printed.
        engine = create_engine(
            url, poolclass=NullPool, connect_args={"timeout": wait}, hide_parameters=True
        )
        connection = engine.connect()
        # Reads the file for the first time.
        connection.exec_driver_sql("PRAGMA schema_version")
        connection.rollback()
    except (DatabaseError, TypeError, ValueError) as error:
        reason = getattr(error, "orig", error)
        raise CommandError(f"Cannot open {url.database}: {reason}") from error
    with connection:
        yield connection
