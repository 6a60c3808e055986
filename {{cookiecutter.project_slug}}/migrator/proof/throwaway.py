"""Databases for the tests and for measurements, each dropped at its end."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from ..dialect.engine import CONNECT_ERRORS, reason_of
from ..dialect.throwaway import drop, make, own_server, server_text
from ..errors import SettingsError
from ..paths import INI
from ..url import parse_url

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


@contextmanager
def empty_database(base: URL, source: URL | None = None) -> Iterator[URL]:
    """Make a database, yield its URL, and drop it afterwards.

    Args:
        base: of the server, with the beginning of the database's name.
        source: a database to be copied, which nobody uses.

    Raises:
        SettingsError: the server refuses to make one.
    """
    url = base.set(database=f"{base.database}_{secrets.token_hex(4)}")
    try:
        make(url, source)
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        raise SettingsError(
            f"The server for the tests makes no database, and {VARIABLE} has to name one whose user"
            f" may: {reason}"
        ) from error
    try:
        yield url
    finally:
        drop(url)


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
