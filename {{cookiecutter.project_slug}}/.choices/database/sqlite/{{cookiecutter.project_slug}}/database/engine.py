"""The connection that migrations run on."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util import CommandError
from sqlalchemy import URL, Connection, NullPool, create_engine
from sqlalchemy.exc import DatabaseError

from ..settings import INSTANCE
from .limits import lock_wait


@contextmanager
def connect(url: URL) -> Iterator[Connection]:
    """Yield a connection to the SQLite file that `url` names, and close it.

    Raises:
        CommandError: the file cannot be opened, or is no SQLite database.
    """
    INSTANCE.mkdir(exist_ok=True)
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": lock_wait()})
    try:
        connection = engine.connect()
        # Reads the file for the first time.
        connection.exec_driver_sql("PRAGMA schema_version")
        connection.rollback()
    except DatabaseError as error:
        raise CommandError(f"Cannot open {url.database}: {error.orig}") from error
    with connection:
        yield connection
