"""One process at a time in a folder."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

WAIT = 600  # seconds that another process may build a database


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Run while no other process does in the same folder. Its end, by any means, lets go.

    Args:
        folder: one that is there; a file `lock` is made in it.
    """
    # A lock of SQLite's works on every system.
    with closing(sqlite3.connect(folder / "lock", WAIT, isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        yield
