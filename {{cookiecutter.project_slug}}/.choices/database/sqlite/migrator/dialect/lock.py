"""One migration at a time, all of it or nothing: SQLite's own write lock."""

import logging
import sqlite3
from collections.abc import Callable

from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from ..limits import lock_wait

log = logging.getLogger("alembic.lock")


def run_exclusively(context: MigrationContext, run: Callable[[], None]) -> None:
    """Call `run` so that its transactions hold the write lock from the first read on.

    Args:
        context: has the connection that `run` works on, in no transaction yet.
        run: runs the migrations.

    Raises:
        CommandError: another process held the lock for longer than `MIGRATION_WAIT`.
    """
    migrating = context.connection
    assert migrating is not None

    # On the engine, because its own listeners come first there; the app's connections share them.
    def begin(connection: Connection) -> None:
        if connection is migrating:
            begin_immediate(connection)

    event.listen(migrating.engine, "begin", begin)
    try:
        run()
        # A revision may have ended the run's own transaction.
        migrating.commit()
    finally:
        event.remove(migrating.engine, "begin", begin)


def begin_immediate(connection: Connection) -> None:
    """Begin a transaction that may write; left to itself, sqlite3 would begin none for DDL."""
    if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
        return
    driver = connection.connection.driver_connection
    assert driver is not None
    # An app whose engine begins transactions itself has begun a deferred one by now. It is empty,
    # and no pragma works in it: https://docs.sqlalchemy.org/en/21/dialects/sqlite.html
    driver.rollback()
    # Rebuilding a table drops it, which would delete the rows that refer to it.
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    if _is_begun(connection, wait=0):
        return
    file = connection.engine.url.database
    log.info("Waiting for another migration, or another program that writes to %s", file)
    if not _is_begun(connection, wait=lock_wait()):
        raise CommandError(
            f"Another process has been writing to {file} for {lock_wait():g} s (MIGRATION_WAIT);"
            " look for a second migration or a transaction left open."
        )


def _is_begun(connection: Connection, wait: float) -> bool:
    """Return whether the transaction could begin within `wait` seconds."""
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {wait * 1000:.0f}")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except OperationalError as error:
        if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            return False
        raise
    # Its COMMIT may have to wait for readers.
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {lock_wait() * 1000:.0f}")
    return True


def prepare_sql(context: MigrationContext) -> None:
    """Print nothing before the migrations' SQL: SQLite needs nothing."""
