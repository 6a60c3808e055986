"""One migration at a time, and none that queues behind an application's transaction."""

import logging
import re
import time
from collections.abc import Callable
from typing import Any

from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError, OperationalError

from ..limits import lock_retries, lock_timeout, lock_wait
from ..revisions.reading import mentions
from .concurrently import is_concurrent
from .halfway import Progress, sqlstate
from .refusal import ALLOWANCE, refuse_to_migrate
from .server import is_through_pooler

log = logging.getLogger("alembic.lock")

LOCK_NOT_AVAILABLE = "55P03"  # the server's code for it
POLL_INTERVAL = 0.2  # seconds
_CHANGES_TIMEOUT = re.compile(r"lock_timeout|RESET\s+ALL|DISCARD", re.IGNORECASE)

_KEY = "hashtextextended(current_database() || '.' || :version_table, 0)"
_TRY_LOCK = text(f"SELECT pg_try_advisory_lock({_KEY})")
_IS_HELD_HERE = text(f"""
    SELECT count(*) FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND pid = pg_backend_pid()
      AND (classid::bigint << 32) | objid::bigint = {_KEY}
""")
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
        CommandError: the server is not one to migrate, another process migrated for longer than
            `MIGRATION_WAIT`, a statement got no lock within `MIGRATION_LOCK_TIMEOUT` on every
            try, or the connection was lost.
    """
    progress = Progress(context)
    try:
        _run_exclusively(context, run, progress)
    except Exception as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise CommandError(progress.when_lost(error)) from error
        for note in progress.notes(error):
            error.add_note(note)
        raise


def _run_exclusively(
    context: MigrationContext, run: Callable[[], None], progress: Progress
) -> None:
    connection = context.connection
    assert connection is not None
    refuse_to_migrate(connection)
    _acquire(connection, context.version_table)
    _set_lock_timeout(context, connection)
    _notice_dead_client(connection)
    retries = lock_retries()
    for retry in range(retries + 1):
        progress.forget()
        try:
            run()
        except OperationalError as error:
            if sqlstate(error) != LOCK_NOT_AVAILABLE:
                raise
            connection.rollback()
            if progress.has_committed_part:
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
    """Print the lock timeout before the migrations' SQL, and after a revision that sets one."""
    set_timeout = f"SET lock_timeout = {lock_timeout() * 1000:.0f}"
    context.execute(set_timeout)

    def restore(step: Any, **_: object) -> None:
        if mentions(step.up_revision, "lock_timeout"):
            context.execute(set_timeout)

    context.on_version_apply_callbacks = (*context.on_version_apply_callbacks, restore)


def _acquire(connection: Connection, version_table: str) -> None:
    """Take a lock that belongs to the session: closing the connection gives it back."""
    key = {"version_table": version_table}
    deadline = time.monotonic() + lock_wait()
    waiting = False
    if is_through_pooler(connection) and connection.scalar(_IS_HELD_HERE, key):
        # A lock can be taken twice by whom it belongs to.
        raise CommandError(
            "The pooler has given this migration the server connection of another one, so it does"
            f" not keep one for each client, and {ALLOWANCE}=1 is wrong here: unset it, and set"
            " MIGRATION_DATABASE_URL to the server's own URL."
        )
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
    changes: list[str] = []

    def set_again(**_: object) -> None:
        # What a revision sets is for that revision.
        if changes:
            connection.exec_driver_sql(set_timeout)
            changes.clear()

    # Building an index concurrently blocks no one, but has to wait for long transactions.
    def wait_for_ever(connection: Connection, cursor: Any, statement: str, *_: object) -> None:
        if is_concurrent(statement):
            cursor.connection.cursor().execute("SET lock_timeout = 0")

    def wait_no_longer(connection: Connection, cursor: Any, statement: str, *_: object) -> None:
        changes.extend(_CHANGES_TIMEOUT.findall(statement))
        if is_concurrent(statement):
            cursor.connection.cursor().execute(set_timeout)

    context.on_version_apply_callbacks = (*context.on_version_apply_callbacks, set_again)
    event.listen(connection, "before_cursor_execute", wait_for_ever)
    event.listen(connection, "after_cursor_execute", wait_no_longer)


def _notice_dead_client(connection: Connection) -> None:
    """Have a long statement end, and its locks, soon after this process was killed."""
    try:
        connection.exec_driver_sql("SET client_connection_check_interval = 1000")
    except DBAPIError:  # a server before 14, or not on Linux
        connection.rollback()
    connection.commit()
