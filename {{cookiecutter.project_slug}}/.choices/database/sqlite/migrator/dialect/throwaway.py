"""Databases for a while, empty or copies: files in a temporary folder."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL

COPIES = True


@contextmanager
def own_server(folder: Path | None = None) -> Iterator[URL]:
    """Yield the URL of a file whose folder and name the databases get; it is no file itself.

    Args:
        folder: not needed here.
    """
    with TemporaryDirectory() as temporary:
        yield URL.create("sqlite", database=f"{temporary}/test.sqlite3")


def kept_url(base: URL, folder: Path, name: str) -> URL:
    """Return the URL of a kept database."""
    return base.set(database=str(folder / f"{name}.sqlite3"))


def server_text(base: URL) -> str:
    """Return what makes the databases, with its version."""
    return sqlite3.sqlite_version


def make(url: URL, source: URL | None = None) -> None:
    """Copy the database `source` to `url`; an empty one is made by who connects first."""
    if source is not None:
        with (
            closing(sqlite3.connect(source.database or "")) as old,
            closing(sqlite3.connect(url.database or "")) as new,
        ):
            old.backup(new)


def drop(url: URL) -> None:
    """Remove a database, if it is there."""
    for suffix in ("", "-journal", "-shm", "-wal"):
        Path(f"{url.database}{suffix}").unlink(missing_ok=True)
