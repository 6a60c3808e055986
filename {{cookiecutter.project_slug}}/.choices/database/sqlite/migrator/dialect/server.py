"""What is to be said about SQLite itself: its version, and who uses the file."""

import platform
import shlex
import sqlite3

from alembic.script import Script
from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError

DRIVER = f"sqlite3 of Python {platform.python_version()}"


def server_version(connection: Connection) -> str:
    """Return the library's name and version."""
    return f"SQLite {connection.exec_driver_sql('SELECT sqlite_version()').scalar_one()}"


def unsupported(connection: Connection) -> str:
    """Return nothing: whatever opens the file is SQLite."""
    return ""


def is_unwanted_standby(connection: Connection) -> bool:
    """Return False: a file has no copy that follows it."""
    return False


def earlier_attempt(connection: Connection, script: Script, is_stamped: bool) -> str:
    """Return nothing: a run that was killed is rolled back as a whole."""
    return ""


def most_connections(connection: Connection) -> int | None:
    """Return nothing: a file has no limit."""
    return None


def blocking_sessions(connection: Connection) -> list[str]:
    """Return nothing: a file has no list of who has it open."""
    return []


def denial(error: DBAPIError, url: URL) -> str:
    """Return why the file cannot be written, and what to do; nothing if that is not the error."""
    match getattr(error.orig, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN:
            return (
                f"{url.database} cannot be written: {error.orig}. Make the file and its folder"
                " writable for this user, and take mode=ro out of the URL."
            )
        case sqlite3.SQLITE_FULL:
            return (
                f"{url.database} cannot grow: {error.orig}. Free space on its disk, and run again."
            )
    return ""


def next_step(url: URL, error: str) -> str:
    """Return a command that shows whether the file is there."""
    return f"ls -l {shlex.quote(url.database or '')}"
