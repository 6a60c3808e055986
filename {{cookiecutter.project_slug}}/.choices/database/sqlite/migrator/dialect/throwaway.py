"""Empty databases: files in a temporary folder."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL


@contextmanager
def own_server() -> Iterator[URL]:
    """Yield the URL of a file whose folder and name the databases get; it is no file itself."""
    with TemporaryDirectory() as folder:
        yield URL.create("sqlite", database=f"{folder}/test.sqlite3")


@contextmanager
def empty_database(base: URL) -> Iterator[URL]:
    """Yield the URL of a database that does not exist yet, and remove it afterwards.

    Args:
        base: the beginning of the file's name.
    """
    path = Path(f"{base.database}.{secrets.token_hex(4)}")
    try:
        yield base.set(database=str(path))
    finally:
        path.unlink(missing_ok=True)
