"""What a revision that failed halfway has committed, and what psycopg 3 wants of it."""

from collections.abc import Callable
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError

# What changes nothing, and what ends a transaction by itself.
UNRECORDED = ("SELECT", "SHOW", "SET", "BEGIN", "START", "SAVEPOINT", "RELEASE", "ROLLBACK")
COMMITTING = ("COMMIT", "END")
# By the server's codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
HINTS = {
    "25001": "After a COMMIT in SQL the next statement is in a transaction again (with psycopg 2"
    " it was in none): put it into `with op.get_context().autocommit_block():`.",
    "42P18": "A value is sent without a type (psycopg 2 wrote it into the statement): give it one,"
    " as in CAST(:value AS text).",
}


def sqlstate(error: DBAPIError) -> str:
    """Return the server's code for an error, from psycopg 3 or 2; "" without one."""
    return getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or ""


def explaining(context: MigrationContext, run: Callable[[], None]) -> Callable[[], None]:
    """Return `run` with notes on its errors, for a person to read.

    Args:
        context: has the connection that `run` works on.
        run: runs the migrations.
    """
    committed = _CommittedStatements(context)

    def explained() -> None:
        try:
            run()
        except Exception as error:
            code = sqlstate(error) if isinstance(error, DBAPIError) else ""
            for note in (HINTS.get(code), committed.note()):
                if note:
                    error.add_note(note)
            raise

    return explained


class _CommittedStatements:
    """What the revision under way has committed: by autocommit_block, or by COMMIT in its SQL."""

    def __init__(self, context: MigrationContext) -> None:
        self._committed: list[str] = []
        self._pending: list[str] = []
        connection = context.connection
        event.listen(connection, "after_cursor_execute", self._statement)
        event.listen(connection, "commit", lambda connection: self._commit())
        event.listen(connection, "rollback", lambda connection: self._pending.clear())
        context.on_version_apply_callbacks = (
            *context.on_version_apply_callbacks,
            lambda **_: self._end_revision(),
        )

    def note(self) -> str:
        """Return what is committed; "" where the revision is rolled back as a whole."""
        if not self._committed:
            return ""
        return (
            "The revision failed halfway, and has committed these statements: undo them by hand, or"
            " take them out of the revision, and run it again.\n  " + "\n  ".join(self._committed)
        )

    def _end_revision(self) -> None:
        self._committed.clear()
        self._pending.clear()

    def _commit(self) -> None:
        self._committed += self._pending
        self._pending.clear()

    def _statement(self, connection: Connection, cursor: Any, statement: str, *_: object) -> None:
        line = " ".join(statement.split())
        if line.upper().startswith(COMMITTING):
            self._commit()
        # A backfill has one statement for all its batches, which is listed once.
        elif not line.upper().startswith(UNRECORDED) and line not in self._committed[-1:]:
            self._pending.append(line)
            if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
                self._commit()
