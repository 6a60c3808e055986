"""What a revision that failed halfway has committed, and what psycopg 3 wants of it."""

from collections.abc import Iterator
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


class Progress:
    """What a run has committed: whole revisions, and perhaps a part of the one under way.

    A revision commits a part by autocommit_block, or by COMMIT in its SQL. One that is one block
    and nothing else can be repeated, as a backfill can; one with statements before or after such a
    block cannot.
    """

    def __init__(self, context: MigrationContext) -> None:
        """Watch the connection of `context`, from the first revision on."""
        self._applied = self._committed = ""
        self._done: list[str] = []
        self._pending: list[str] = []
        self.forget()
        connection = context.connection
        event.listen(connection, "before_cursor_execute", self._before_statement)
        event.listen(connection, "after_cursor_execute", self._after_statement)
        event.listen(connection, "begin", self._begin)
        event.listen(connection, "commit", self._commit)
        event.listen(connection, "rollback", lambda connection: self._pending.clear())
        context.on_version_apply_callbacks = (*context.on_version_apply_callbacks, self._apply)

    @property
    def has_committed_part(self) -> bool:
        """Whether the revision under way has committed what must not be done twice."""
        return self._has_block and self._has_statement_outside

    def forget(self) -> None:
        """Start with the next revision, or with the next try."""
        self._has_block = self._has_statement_outside = False

    def notes(self, error: Exception) -> Iterator[str]:
        """Yield what to know of an error, for a person to read."""
        if isinstance(error, DBAPIError) and sqlstate(error) in HINTS:
            yield HINTS[sqlstate(error)]
        if self._done:
            yield (
                "The revision failed halfway, and has committed these statements: undo them by hand,"
                " or take them out of the revision, and run it again.\n  " + "\n  ".join(self._done)
            )

    def when_lost(self, error: DBAPIError) -> str:
        """Return what to know when the connection was lost, for a person to read."""
        sentences = [
            f"The connection to the database was lost: {str(error.orig).splitlines()[0]}.",
            f"Committed before that: {self._committed or 'no revision of this run'}.",
        ]
        if self._applied != self._committed:
            sentences.append(f"Whether {self._applied} is committed too is not known.")
        sentences += self.notes(error)
        sentences.append("Run the command again: it goes on from what the database is at then.")
        return " ".join(sentences)

    def _apply(self, heads: set[str], **_: object) -> None:
        self.forget()
        self._done.clear()
        self._pending.clear()
        self._applied = " and ".join(sorted(heads)) or "base"

    def _begin(self, connection: Connection) -> None:
        # The one before has ended, and not by a lost connection.
        self._committed = self._applied

    def _commit(self, connection: Connection) -> None:
        self._done += self._pending
        self._pending.clear()

    def _before_statement(
        self, connection: Connection, cursor: Any, statement: str, *_: object
    ) -> None:
        if _is_autocommit(connection):
            self._has_block = True
        elif not statement.lstrip().upper().startswith(("SELECT", "SHOW", "SET")):
            self._has_statement_outside = True

    def _after_statement(
        self, connection: Connection, cursor: Any, statement: str, *_: object
    ) -> None:
        line = " ".join(statement.split())
        if line.upper().startswith(COMMITTING):
            self._commit(connection)
        # A backfill has one statement for all its batches, which is listed once.
        elif not line.upper().startswith(UNRECORDED) and line not in self._done[-1:]:
            self._pending.append(line)
            if _is_autocommit(connection):
                self._commit(connection)


def _is_autocommit(connection: Connection) -> bool:
    return connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
