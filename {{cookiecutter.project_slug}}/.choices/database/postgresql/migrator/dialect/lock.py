"""One migration at a time, and none that queues behind an application's transaction."""

import logging
import time
from collections.abc import Callable
from typing import Any

from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError, OperationalError

from ..limits import lock_retries, lock_timeout, lock_wait
from .concurrently import is_concurrent
from .halfway import explaining, sqlstate

log = logging.getLogger("alembic.lock")

LOCK_NOT_AVAILABLE = "55P03"  # the server's code for it
POLL_INTERVAL = 0.2  # seconds

_KEY = "hashtextextended(current_database() || '.' || :version_table, 0)"
_TRY_LOCK = text(f"SELECT pg_try_advisory_lock({_KEY})")
_HOLDER = text(f"""
    SELECT concat_ws(', ', 'process ' || pid, 'user ' || usename, application_name,
                     'from ' || host(client_addr), 'connected since ' || backend_start)
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
      AND (classid::bigint << 32) | objid::bigint = {_KEY}
""")


def run_exclusively(context: MigrationContext, run: Callable[[], None]) -> None:
    """Call `run` while holding this database's migration lock and with a lock timeout set.

    When a statement does not get its lock in time, the revision is rolled back, so that the
    application goes on, and `run` is called again after a pause. Not so when the revision has
    committed a part of what it does.

    Args:
        context: has the connection that `run` works on, in no transaction yet.
        run: runs the migrations, each revision in its own transaction.

    Raises:
        CommandError: another process migrated for longer than `MIGRATION_WAIT`, or a
            statement got no lock within `MIGRATION_LOCK_TIMEOUT` on every try.
    """
    connection = context.connection
    assert connection is not None
    _acquire(connection, context.version_table)
    _set_lock_timeout(context, connection)
    _notice_dead_client(connection)
    part = CommittedPart(context)
    run = explaining(context, run)
    retries = lock_retries()
    for retry in range(retries + 1):
        part.forget()
        try:
            run()
        except OperationalError as error:
            if sqlstate(error) != LOCK_NOT_AVAILABLE:
                raise
            connection.rollback()
            if part.is_there:
                raise CommandError(
                    f"No lock within {lock_timeout():g} s (MIGRATION_LOCK_TIMEOUT) for:"
                    f" {error.statement}. What its revision did up to its autocommit_block is"
                    " committed: undo that by hand, or take it out of the revision, and run it"
                    " again."
                ) from error
            if retry == retries:
                raise CommandError(
                    f"No lock within {lock_timeout():g} s (MIGRATION_LOCK_TIMEOUT), tried"
                    f" {retries + 1} times, for: {error.statement}. A long transaction holds"
                    " the table; see pg_stat_activity, or try again when it has ended."
                ) from error
            log.warning("No lock within %g s; trying again", lock_timeout())
            time.sleep(min(2**retry, 30))
        else:
            # Without a revision to run, the version table alone was made.
            connection.commit()
            return


def prepare_sql(context: MigrationContext) -> None:
    """Print the lock timeout before the migrations' SQL."""
    context.execute(f"SET lock_timeout = {lock_timeout() * 1000:.0f}")


def _acquire(connection: Connection, version_table: str) -> None:
    """Take a lock that belongs to the session: closing the connection gives it back."""
    key = {"version_table": version_table}
    deadline = time.monotonic() + lock_wait()
    waiting = False
    # Polled, because CREATE INDEX CONCURRENTLY waits for every transaction that is open, and
    # a blocked call for the lock is one.
    while not connection.scalar(_TRY_LOCK, key):
        holder = connection.scalar(_HOLDER, key)
        connection.rollback()
        if time.monotonic() > deadline:
            raise CommandError(
                f"Another migration has held the lock for {lock_wait():g} s (MIGRATION_WAIT):"
                f" {holder}."
            )
        if not waiting:
            log.info("Waiting for another migration: %s", holder)
            waiting = True
        time.sleep(POLL_INTERVAL)
    connection.commit()


def _set_lock_timeout(context: MigrationContext, connection: Connection) -> None:
    set_timeout = f"SET lock_timeout = {lock_timeout() * 1000:.0f}"
    connection.exec_driver_sql(set_timeout)
    connection.commit()
    # What a revision sets is for that revision.
    context.on_version_apply_callbacks = (
        *context.on_version_apply_callbacks,
        lambda **_: connection.exec_driver_sql(set_timeout),
    )

    # Building an index concurrently blocks no one, but has to wait for long transactions.
    def wait_for_ever(connection: Connection, cursor: Any, statement: str, *_: object) -> None:
        if is_concurrent(statement):
            cursor.connection.cursor().execute("SET lock_timeout = 0")

    def wait_no_longer(connection: Connection, cursor: Any, statement: str, *_: object) -> None:
        if is_concurrent(statement):
            cursor.connection.cursor().execute(set_timeout)

    event.listen(connection, "before_cursor_execute", wait_for_ever)
    event.listen(connection, "after_cursor_execute", wait_no_longer)


def _notice_dead_client(connection: Connection) -> None:
    """Have a long statement end, and its locks, soon after this process was killed."""
    try:
        connection.exec_driver_sql("SET client_connection_check_interval = 1000")
    except DBAPIError:  # a server before 14, or not on Linux
        connection.rollback()
    connection.commit()


class CommittedPart:
    """Whether the revision under way has committed a part that must not be done twice.

    A revision that is one block in autocommit and nothing else can be repeated, as a backfill
    can; one with statements before or after such a block cannot.
    """

    def __init__(self, context: MigrationContext) -> None:
        """Watch the connection of `context`, from the first revision on."""
        self._has_block = False
        self._has_statement_outside = False
        event.listen(context.connection, "before_cursor_execute", self._statement)
        context.on_version_apply_callbacks = (
            *context.on_version_apply_callbacks,
            lambda **_: self.forget(),
        )

    @property
    def is_there(self) -> bool:
        """Whether there is such a part."""
        return self._has_block and self._has_statement_outside

    def forget(self) -> None:
        """Start with the next revision, or with the next try."""
        self._has_block = False
        self._has_statement_outside = False

    def _statement(self, connection: Connection, cursor: Any, statement: str, *_: object) -> None:
        if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            self._has_block = True
        elif not statement.lstrip().upper().startswith(("SELECT", "SHOW", "SET")):
            self._has_statement_outside = True
