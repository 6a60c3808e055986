"""Empty databases, on the server that `TEST_DATABASE_URL` names."""

from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import URL, Engine, NullPool, create_engine, text

from ..errors import SettingsError

# The server copies no database, and a copy by SQL takes longer than the revisions.
COPIES = False


def own_server(folder: Path | None = None) -> AbstractContextManager[URL]:
    """Refuse: there is no server that could be started here.

    Raises:
        SettingsError: always.
    """
    raise SettingsError(
        "There is no server for a throw-away database: set TEST_DATABASE_URL to a MySQL or MariaDB"
        " server whose user may create databases, with a name that contains `test`, as in"
        " TEST_DATABASE_URL=mysql://root@127.0.0.1:3306/test"
    )


def kept_url(base: URL, folder: Path, name: str) -> URL:
    """Return the URL that a kept database would have."""
    return base.set(database=f"{base.database}_kept_{name}")


def server_text(base: URL) -> str:
    """Return what makes the databases, with its version."""
    with _engine(base).connect() as connection:
        return str(connection.scalar(text("SELECT version()")))


def make(url: URL, source: URL | None = None) -> None:
    """Make an empty database."""
    _execute(url, f"CREATE DATABASE `{url.database}` CHARACTER SET utf8mb4")


def drop(url: URL) -> None:
    """Remove a database, if it is there."""
    _execute(url, f"DROP DATABASE IF EXISTS `{url.database}`")


def _engine(base: URL) -> Engine:
    return create_engine(base.set(database=""), poolclass=NullPool)


def _execute(base: URL, statement: str) -> None:
    with _engine(base).connect() as connection:
        connection.execute(text(statement))
