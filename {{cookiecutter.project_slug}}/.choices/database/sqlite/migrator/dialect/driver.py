"""Asks SQLite for the current revision by the driver alone: SQLAlchemy takes long to import."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from ..paths import INSTANCE

# What the driver raises when the database does not answer.
ERRORS = (sqlite3.Error,)
# What `listen` in database/engine.py may do that is of no concern here.
LISTENERS = ('event.listen(engine, "connect", set_pragmas)',)

# Options, and file names that are checked or refused, are left to SQLAlchemy.
_URL = re.compile(r"sqlite(?:\+pysqlite)?:///([\w./-]+)", re.ASCII)


def arguments(url: str) -> dict[str, Path] | None:
    """Return what `current_revisions` takes; None for a URL that SQLAlchemy has to read.

    Args:
        url: the text of a setting. A relative path starts in `instance/`.
    """
    found = _URL.fullmatch(url.strip())
    return {"path": INSTANCE / found[1]} if found else None


def current_revisions(path: Path, timeout: float) -> tuple[str, ...] | None:
    """Return the revisions that the database is at.

    Args:
        path: the file; it is not created.
        timeout: seconds to wait for another process's lock.

    Raises:
        sqlite3.Error: one of `ERRORS`.
    """
    if not path.exists():
        return ()
    with closing(sqlite3.connect(path, timeout=timeout)) as connection:
        there = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
        if connection.execute(there).fetchone() is None:
            return ()
        rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return tuple(row[0] for row in rows)
