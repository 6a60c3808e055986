"""The options and events of every connection, the app's and the migrations'."""

import sqlite3
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine, event

OPTIONS: dict[str, Any] = {
    # A statement that fails is logged; its values may be secrets.
    "hide_parameters": True,
    "pool_pre_ping": True,
}


def listen(engine: Engine) -> None:
    """Set up every connection that `engine` makes.

    Args:
        engine: the app's, or one for migrations.
    """
    event.listen(engine, "connect", set_pragmas)


def set_pragmas(connection: sqlite3.Connection, record: object) -> None:
    """Check foreign keys, and let readers read while somebody writes."""
    connection.execute("PRAGMA foreign_keys = ON")
    # A file that is read-only keeps its journal mode.
    with suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA journal_mode = WAL")
