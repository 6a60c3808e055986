"""Empty databases, on the server that `TEST_DATABASE_URL` names."""

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import URL, NullPool, create_engine, text

from ..errors import SettingsError


def own_server() -> AbstractContextManager[URL]:
    """Refuse: there is no server that could be started here.

    Raises:
        SettingsError: always.
    """
    raise SettingsError(
        "There is no server for a throw-away database: set TEST_DATABASE_URL to a MySQL or MariaDB"
        " server whose user may create databases, with a name that contains `test`, as in"
        " TEST_DATABASE_URL=mysql://root@127.0.0.1:3306/test"
    )


@contextmanager
def empty_database(base: URL) -> Iterator[URL]:
    """Make an empty database on a server, yield its URL, and drop it afterwards.

    Args:
        base: of the server, with the beginning of the database's name.
    """
    name = f"{base.database}_{secrets.token_hex(4)}"
    _execute(base, f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
    try:
        yield base.set(database=name)
    finally:
        _execute(base, f"DROP DATABASE `{name}`")


def _execute(base: URL, statement: str) -> None:
    engine = create_engine(base.set(database=""), poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(statement))
