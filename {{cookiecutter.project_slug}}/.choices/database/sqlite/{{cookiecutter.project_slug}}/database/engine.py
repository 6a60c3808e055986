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
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": wait})
    try:
        connection = engine.connect()
        # Reads the file for the first time.
        connection.exec_driver_sql("PRAGMA schema_version")
        connection.rollback()
    except DatabaseError as error:
        raise CommandError(f"Cannot open {url.database}: {error.orig}") from error
    with connection:
        yield connection
