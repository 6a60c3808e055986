"""Where the tests' databases are: on the server that `TEST_DATABASE_URL` names."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from migrator.url import parse_url
from sqlalchemy import URL, Connection, NullPool, create_engine, text


@contextmanager
def base_url() -> Iterator[URL]:
    """Yield `TEST_DATABASE_URL`: a server, with the beginning of the tests' databases' names."""
    value = os.environ.get("TEST_DATABASE_URL")
    if not value:
        pytest.exit(
            "Set TEST_DATABASE_URL to a MySQL or MariaDB server whose user may create databases:"
            " TEST_DATABASE_URL=mysql://root@127.0.0.1:3306/test uv run pytest",
            2,
        )
    yield parse_url(value, "TEST_DATABASE_URL")


@contextmanager
def create(base: URL) -> Iterator[URL]:
    """Make an empty database on the server, yield its URL, and drop it afterwards."""
    name = f"{base.database}_{secrets.token_hex(4)}"
    _execute(base, f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
    yield base.set(database=name)
    _execute(base, f"DROP DATABASE `{name}`")


def begin(connection: Connection) -> None:
    """Begin a transaction."""
    connection.begin()


def _execute(base: URL, statement: str) -> None:
    engine = create_engine(base.set(database=""), poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(statement))
