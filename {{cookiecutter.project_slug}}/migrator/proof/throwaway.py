"""Empty databases for the tests and for measurements, each dropped at its end."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, NullPool, create_engine

from ..dialect.engine import CONNECT_ERRORS, reason_of
from ..dialect.throwaway import empty_database, own_server, server_text
from ..errors import SettingsError
from ..paths import INI
from ..url import parse_url

__all__ = ["alembic_config", "empty_database", "server", "upgrade"]

VARIABLE = "TEST_DATABASE_URL"


@contextmanager
def server(folder: Path | None = None) -> Iterator[URL]:
    """Yield the URL of a server, with the beginning of the names of the databases on it.

    That is `TEST_DATABASE_URL`, or else what the database's dialect can start here.

    Args:
        folder: where a server that is started keeps its files; None deletes them at the end.

    Raises:
        SettingsError: there is none, it does not answer, or the name does not say that it is for
            tests.
    """
    if value := os.environ.get(VARIABLE):
        url = parse_url(value, VARIABLE)
        if "test" not in (url.database or ""):
            raise SettingsError(f"{VARIABLE} must name a test database, not {url.database!r}.")
        try:
            server_text(url)
        except CONNECT_ERRORS as error:
            raise SettingsError(f"{VARIABLE}: {reason_of(url, error)}") from error
        yield url
        return
    with own_server(folder) as own:
        yield parse_url(own, "the test server's URL")


def alembic_config(connection: Connection, section: str = "alembic") -> Config:
    """Return Alembic's configuration for commands on `connection`.

    Args:
        connection: to a database for tests.
        section: of alembic.ini, which names the database.
    """
    config = Config(INI, ini_section=section)
    config.attributes["connection"] = connection
    return config


def upgrade(url: URL, section: str = "alembic") -> None:
    """Run the revisions that a database lacks.

    Args:
        url: the database's.
        section: of alembic.ini, which names it.
    """
    with create_engine(url, poolclass=NullPool).connect() as connection:
        command.upgrade(alembic_config(connection, section), "heads")
