"""One migration at a time, and none that queues behind an application's transaction."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep
from alembic.script import Script
from alembic.util import CommandError
from pymysql.constants import ER
from pymysql.err import OperationalError
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from ..limits import lock_retries, lock_timeout, lock_wait
from ..revisions.reading import mentions
from .attempt import failed_over_earlier_attempt
from .lease import LOST, Lease
from .refusal import refuse_to_migrate
from .server import is_cluster

log = logging.getLogger("alembic.lock")

LOCK_WAIT_TIMEOUT = 1205  # the server's number for it

# What a statement makes is there already, or what it drops is not there any more.
DONE_BEFORE = {
    ER.TABLE_EXISTS_ERROR,
    ER.BAD_TABLE_ERROR,
    ER.DUP_FIELDNAME,
    ER.DUP_KEYNAME,
    ER.CANT_DROP_FIELD_OR_KEY,
}

# What changes nothing, and what the server rolls back when the revision fails.
UNRECORDED = ("SELECT", "SHOW", "DESCRIBE", "SET", "SAVEPOINT", "RELEASE", "ROLLBACK")
TRANSACTIONAL = ("INSERT", "UPDATE", "DELETE", "REPLACE", "WITH")


def run_exclusively(context: MigrationContext, run: Callable[[], None]) -> None:
    """Call `run` while holding this database's migration lock and with a lock timeout set.

    A statement that does not get its lock in time is tried again after a pause: the
    statements before it are committed, so the whole revision cannot run again.

    Args:
        context: has the connection that `run` works on, in no transaction yet.
        run: runs the migrations.

    Raises:
        CommandError: the server is not one to migrate, another process migrated for longer than
            `MIGRATION_WAIT`, an earlier run was killed in the revision, or the connection was
            lost.
    """
    connection = context.connection
    assert connection is not None
    refuse_to_migrate(connection)
    if not is_cluster(connection):
        _acquire(connection, context.version_table)
        _run(context, run)
        return
    with Lease(connection.info["connect_again"](), context.version_table) as lease:
        _before_each_revision(context, lambda step: lease.check())
        try:
            _run(context, run)
        except Exception as error:
            # Two that migrate at once fail in many ways; this is the reason for all of them.
            if lease.is_lost():
                raise CommandError(LOST) from error
            raise


def _before_each_revision(
    context: MigrationContext, check: Callable[[MigrationStep], None]
) -> None:
    """Have `check` called before each revision of the run."""
    steps = context._migrations_fn
    assert steps is not None

    def checked(heads: tuple[str, ...], context: MigrationContext) -> Iterator[MigrationStep]:
        for step in steps(heads, context):
            check(step)
            yield step

    context._migrations_fn = checked  # type: ignore[assignment]


def _run(context: MigrationContext, run: Callable[[], None]) -> None:
    connection = context.connection
    assert connection is not None
    _set_timeouts(connection)
    connection.commit()
    # Made first, so that it is not listed with what a revision has done.
    context._ensure_version_table()
    connection.commit()
    progress = Progress(context)
    listener = _retry_statements(connection)
    try:
        run()
        # A revision may have ended the run's own transaction.
        connection.commit()
    except BaseException as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise CommandError(progress.when_lost(error)) from error
        if isinstance(error, DBAPIError) and (attempt := progress.attempt(error)):
            raise CommandError(attempt) from error
        note = progress.note()
        if isinstance(error, CommandError) and progress.committed:
            # Alembic prints its own errors without their notes.
            raise CommandError(f"{error}\n{note}") from error
        error.add_note(note)
        raise
    finally:
        event.remove(connection.engine, "do_execute", listener)


def prepare_sql(context: MigrationContext) -> None:
    """Print the lock timeouts before the migrations' SQL, and after a revision that sets one."""

    def print_timeouts() -> None:
        for statement in _timeout_statements():
            context.execute(statement)

    def restore(step: Any, **_: object) -> None:
        if mentions(step.up_revision, "lock_wait_timeout"):
            print_timeouts()

    print_timeouts()
    context.on_version_apply_callbacks = (*context.on_version_apply_callbacks, restore)


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


def _set_timeouts(connection: Connection) -> None:
    for statement in _timeout_statements():
        connection.execute(text(statement))


def _timeout_statements() -> list[str]:
    # The server counts whole seconds, from 1 on.
    seconds = max(1, round(lock_timeout()))
    return [
        f"SET SESSION lock_wait_timeout = {seconds}",
        f"SET SESSION innodb_lock_wait_timeout = {seconds}",
    ]


def _retry_statements(connection: Connection) -> Callable[..., bool]:
    """Try every statement that gets no lock again, up to `MIGRATION_LOCK_RETRIES` times.

    Returns:
        The listener, on an event that only engines have: the caller removes it.
    """
    retries = lock_retries()

    def execute(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        # The app's own connections share the engine's events.
        if context.root_connection is not connection:
            return False
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
    return execute


class Progress:
    """What the revision under way has committed, and which one it is."""

    def __init__(self, context: MigrationContext) -> None:
        """Watch the connection of `context`, from the first revision on."""
        self.committed: list[str] = []
        self._pending: list[str] = []
        # The revision that has begun and not ended.
        self._script: Script | None = None
        self._has_set_timeout = False
        connection = context.connection
        assert connection is not None
        self._connection = connection
        _before_each_revision(context, self._begin_revision)
        event.listen(connection, "before_cursor_execute", self._before_statement)
        event.listen(connection, "after_cursor_execute", self._after_statement)
        event.listen(connection, "commit", self._commit)
        event.listen(connection, "rollback", lambda connection: self._pending.clear())
        context.on_version_apply_callbacks = (
            *context.on_version_apply_callbacks,
            lambda **_: self._end_revision(),
        )

    def _begin_revision(self, step: MigrationStep) -> None:
        self._script = step.revision if isinstance(step, RevisionStep) else None

    def _end_revision(self) -> None:
        self._script = None
        self.committed.clear()
        self._pending.clear()
        if self._has_set_timeout:
            # What a revision sets is for that revision.
            _set_timeouts(self._connection)
            self._has_set_timeout = False

    def _commit(self, connection: Connection) -> None:
        self.committed += self._pending
        self._pending.clear()

    def _before_statement(
        self, connection: Connection, cursor: Any, statement: str, *_: object
    ) -> None:
        # The server commits before it runs such a statement, also when the statement then fails.
        if not statement.lstrip().upper().startswith(UNRECORDED + TRANSACTIONAL):
            self._commit(connection)

    def _after_statement(
        self, connection: Connection, cursor: Any, statement: str, *_: object
    ) -> None:
        line = " ".join(statement.split())
        self._has_set_timeout |= "lock_wait_timeout" in line.lower()
        # A backfill has one statement for all its batches, which is listed once.
        if line.upper().startswith(UNRECORDED) or line in [*self.committed, *self._pending][-1:]:
            return
        self._pending.append(line)
        autocommit = connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
        if autocommit or not line.upper().startswith(TRANSACTIONAL):
            self._commit(connection)

    def note(self) -> str:
        """Return what to know before running the failed revision again, for a person to read."""
        script = self._script
        if script is None:
            return "No revision was under way."
        if not self.committed:
            return (
                f"Revision {script.revision} failed, and nothing of it was done, or all is rolled"
                " back."
            )
        return (
            f"Revision {script.revision} failed halfway. The server commits DDL at once, and what"
            " came before it, so these are done; undo them by hand, or take them out of the"
            " revision, and run it again. Rows that it has changed since are rolled back.\n  "
            + "\n  ".join(self.committed)
        )

    def attempt(self, error: DBAPIError) -> str:
        """Return what an earlier run has left of the revision that failed; empty if that is not it.

        What this run has done itself is told by `note`.
        """
        number, reason = error.orig.args if error.orig else (0, "")
        if self._script is None or self.committed or number not in DONE_BEFORE:
            return ""
        self._connection.rollback()
        attempt = failed_over_earlier_attempt(self._connection, self._script)
        return f"{reason} ({number}). {attempt}"

    def when_lost(self, error: DBAPIError) -> str:
        """Return what to know when the connection was lost, for a person to read."""
        reason = str(error.orig.args[-1] if error.orig else error)
        unsure = ""
        if error.statement:
            line = " ".join(error.statement.split())
            unsure = f" Whether this was still done is not known: {line}."
        return (
            f"The connection to the database was lost: {reason}. {self.note()}{unsure} Revisions"
            " before it are committed. Run the command again: it goes on from what the database is"
            " at then."
        )
