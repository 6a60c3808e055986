"""One migration at a time, and none that queues behind an application's transaction."""

import hashlib
import logging
import time
from collections.abc import Callable
from typing import Any

from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from pymysql.err import OperationalError
from sqlalchemy import Connection, event, text

from .limits import lock_retries, lock_timeout, lock_wait

log = logging.getLogger("alembic.lock")

LOCK_WAIT_TIMEOUT = 1205  # the server's number for it

# What changes nothing, and what the server rolls back when the revision fails.
UNRECORDED = ("SELECT", "SHOW", "DESCRIBE", "SET", "SAVEPOINT", "RELEASE", "ROLLBACK")
TRANSACTIONAL = ("INSERT", "UPDATE", "DELETE", "REPLACE", "WITH")


def run_exclusively(context: MigrationContext, run: Callable[[], None]) -> None:
    """Call `run` while holding this database's migration lock and with a lock timeout set.

    A statement that does not get its lock in time is tried again after a pause: the
    statements before it are committed, so the revision cannot be begun anew.

    Args:
        context: has the connection that `run` works on, in no transaction yet.
        run: runs the migrations.

    Raises:
        CommandError: another process migrated for longer than `MIGRATION_WAIT`.
    """
    connection = context.connection
    assert connection is not None
    _acquire(connection, context.version_table)
    for statement in _timeout_statements():
        connection.execute(text(statement))
    connection.commit()
    _retry_statements(connection)
    done = _record_statements(connection, context.version_table)
    try:
        run()
        # A revision may have ended the run's own transaction.
        connection.commit()
    except BaseException as error:
        note = _what_was_done(error, done)
        if isinstance(error, CommandError) and done:
            # Alembic prints its own errors without their notes.
            raise CommandError(f"{error}\n{note}") from error
        error.add_note(note)
        raise


def prepare_sql(context: MigrationContext) -> None:
    """Print the lock timeouts before the migrations' SQL."""
    for statement in _timeout_statements():
        context.execute(statement)


def _acquire(connection: Connection, version_table: str) -> None:
    """Take a lock that belongs to the session: closing the connection gives it back."""
    # A name is known to the whole server, and has 64 characters at most.
    table = f"{connection.engine.url.database}.{version_table}"
    name = f"alembic:{hashlib.sha256(table.encode()).hexdigest()[:32]}"
    get_lock = text("SELECT GET_LOCK(:name, :seconds)")
    seconds = lock_wait()
    if not connection.scalar(get_lock, {"name": name, "seconds": 0}):
        # Not every user may see the others' sessions.
        holder = connection.scalar(
            text("""
                SELECT CONCAT_WS(', ', CONCAT('connection ', used.id), CONCAT('user ', user),
                                 CONCAT('from ', host))
                FROM (SELECT IS_USED_LOCK(:name) AS id) AS used
                LEFT JOIN information_schema.processlist AS session ON session.id = used.id
            """),
            {"name": name},
        )
        log.info("Waiting for another migration: %s", holder)
        if not connection.scalar(get_lock, {"name": name, "seconds": seconds}):
            raise CommandError(
                f"Another migration has held the lock for {seconds:g} s (MIGRATION_WAIT): {holder}."
            )
    connection.commit()


def _timeout_statements() -> list[str]:
    # The server counts whole seconds, from 1 on.
    seconds = max(1, round(lock_timeout()))
    return [
        f"SET SESSION lock_wait_timeout = {seconds}",
        f"SET SESSION innodb_lock_wait_timeout = {seconds}",
    ]


def _retry_statements(connection: Connection) -> None:
    """Try every statement that gets no lock again, up to `MIGRATION_LOCK_RETRIES` times."""
    retries = lock_retries()

    def execute(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        for retry in range(retries):
            try:
                cursor.execute(statement, parameters)
            except OperationalError as error:
                if error.args[0] != LOCK_WAIT_TIMEOUT:
                    raise
                log.warning("No lock within %g s; trying again: %s", lock_timeout(), statement)
                time.sleep(min(2**retry, 30))
            else:
                return True
        cursor.execute(statement, parameters)
        return True

    event.listen(connection.engine, "do_execute", execute)


def _record_statements(connection: Connection, version_table: str) -> list[str]:
    """Return a list that always has what is committed since the last finished revision."""
    done: list[str] = []
    pending: list[str] = []

    def commit(connection: Connection) -> None:
        done.extend(pending)
        pending.clear()

    def commit_before(connection: Connection, cursor: Any, statement: str, *_: object) -> None:
        # As the server does it, also when the statement then fails.
        if not statement.lstrip().upper().startswith(UNRECORDED + TRANSACTIONAL):
            commit(connection)

    def record(connection: Connection, cursor: Any, statement: str, *_: object) -> None:
        line = " ".join(statement.split())
        if version_table in line:
            done.clear()
            pending.clear()
        elif not line.upper().startswith(UNRECORDED) and line not in [*done, *pending][-1:]:
            # A backfill has one statement for all its batches, and is here once.
            pending.append(line)
            if not line.upper().startswith(TRANSACTIONAL) or _commits_by_itself(connection):
                commit(connection)

    event.listen(connection, "before_cursor_execute", commit_before)
    event.listen(connection, "after_cursor_execute", record)
    event.listen(connection, "commit", commit)
    event.listen(connection, "rollback", lambda connection: pending.clear())
    return done


def _commits_by_itself(connection: Connection) -> bool:
    return connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"


def _what_was_done(error: BaseException, done: list[str]) -> str:
    """Return what to know before running the failed revision again, for a person to read."""
    revision = None
    traceback = error.__traceback__
    while traceback:
        names = traceback.tb_frame.f_globals
        revision = names["revision"] if "down_revision" in names else revision
        traceback = traceback.tb_next
    if revision is None:
        return "No revision was under way."
    if not done:
        return f"Revision {revision} failed, and nothing of it was done, or all is rolled back."
    return (
        f"Revision {revision} failed halfway. The server commits DDL at once, and what came before"
        " it, so these are done; undo them by hand, or take them out of the revision, and run it"
        " again. Rows that it has changed since are rolled back.\n  " + "\n  ".join(done)
    )
