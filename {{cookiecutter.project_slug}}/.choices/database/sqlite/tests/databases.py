"""Where the tests' databases are: files in a temporary folder."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from migrator.url import parse_url
from sqlalchemy import URL, Connection


@contextmanager
def base_url() -> Iterator[URL]:
    """Yield the URL of a file whose folder and name the tests' own files get.

    That is `TEST_DATABASE_URL`, or else a file in a temporary folder.
    """
    with TemporaryDirectory() as folder:
        default = f"sqlite:///{folder}/test.sqlite3"
        yield parse_url(os.environ.get("TEST_DATABASE_URL", default), "TEST_DATABASE_URL")


@contextmanager
def create(base: URL) -> Iterator[URL]:
    """Yield the URL of a database that does not exist yet, and remove it afterwards."""
    path = Path(f"{base.database}.{secrets.token_hex(4)}")
    yield base.set(database=str(path))
    path.unlink(missing_ok=True)


def begin(connection: Connection) -> None:
    """Begin a transaction; left to itself, sqlite3 would begin none for a savepoint."""
    connection.exec_driver_sql("BEGIN")
