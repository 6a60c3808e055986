"""The statements of revisions, with what each does to the tables that were there before it."""

import ast
import os
import re
from collections.abc import Callable, Iterable
from contextvars import Context
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from alembic import command
from alembic.script import Script
from sqlalchemy import Connection, event

from .. import backfill
from ..dialect.measuring import HOLDS_LOCKS, SAFE_FORMS, Measuring
from ..paths import ROOT
from ..revisions.effects import Effect, Work
from ..revisions.operations import place_of_call
from .throwaway import alembic_config

# What ends or divides a transaction, and what is for the session alone.
_UNMEASURED = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK", "SET ", "SHOW", "PRAGMA")


@dataclass(frozen=True)
class Statement:
    """A statement that a revision has executed.

    Attributes:
        revision: whose it is.
        path: the revision's file, in the project.
        lines: the first and the last line there that it comes from, counted from 1.
        sql: as it was executed, in one line.
        effects: what it does to tables that were there before the revision.
        held: what statements before it have done, whose locks its transaction still has.
    """

    revision: str
    path: str
    lines: tuple[int, int]
    sql: str
    effects: tuple[Effect, ...]
    held: tuple[Effect, ...] = ()

    @property
    def is_long(self) -> bool:
        """Whether it takes as long as a table is large that was there before."""
        return any(effect.work is not Work.NONE for effect in self.effects)

    @property
    def stopped(self) -> tuple[Effect, ...]:
        """The locks that writers wait for as long as a table is large."""
        if not self.is_long:
            return ()
        return tuple(effect for effect in (*self.effects, *self.held) if effect.stops_writers)

    @property
    def safe_form(self) -> str:
        """What does the same without making writers wait; empty where nothing is known."""
        if self.stopped and not any(effect.stops_writers for effect in self.effects):
            return "a separate revision: an earlier statement of this one has the lock"
        for pattern, form in SAFE_FORMS.items():
            if re.search(pattern, self.sql, re.IGNORECASE):
                return form
        return ""


def measured(connection: Connection, section: str, scripts: Iterable[Script]) -> list[Statement]:
    """Upgrade an empty database to the newest revisions, and return what some of them do.

    Each of their statements is committed by itself. Tables have the rows that revisions insert,
    so what a revision executes for each row that it reads is not seen.

    Args:
        connection: to a database that is thrown away, of an engine that is for it alone.
        section: of alembic.ini.
        scripts: the revisions that are measured; the others are applied as always.

    Raises:
        Exception: what a revision raises, or the database.
    """
    recorder = _Recorder(connection, scripts)
    # Where an app is in context, its database is not this one.
    Context().run(command.upgrade, alembic_config(connection, section), "heads")
    return recorder.statements


class _Recorder:
    def __init__(self, connection: Connection, scripts: Iterable[Script]) -> None:
        self.statements: list[Statement] = []
        self._connection = connection
        self._revisions = {script.path: script.revision for script in scripts}
        self._measuring = Measuring(connection)
        self._path = ""
        # What the transaction has locked, by table.
        self._held: dict[str, Effect] = {}
        event.listen(connection.engine, "do_execute", self._execute)
        event.listen(connection.engine, "do_executemany", self._execute_many)

    def _execute(self, cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        return self._run(statement, context, lambda sql: cursor.execute(sql, parameters))

    def _execute_many(self, cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        return self._run(statement, context, lambda sql: cursor.executemany(sql, parameters))

    def _run(self, statement: str, context: Any, execute: Callable[[str], object]) -> bool:
        """Run a statement of a revision, and note what it does; leave any other to SQLAlchemy."""
        place = place_of_call(self._revisions)
        is_own = context.root_connection is self._connection
        if not is_own or place is None or statement.lstrip().upper().startswith(_UNMEASURED):
            return False
        path, first, last = place
        isolation = self._connection.get_execution_options().get("isolation_level")
        if path != self._path:
            self._path = path
            self._held.clear()
            self._measuring.start_revision()
        if isolation == "AUTOCOMMIT" or not HOLDS_LOCKS:
            self._held.clear()
        effects = self._measuring.measure(context.cursor, statement, execute)
        found = Statement(
            self._revisions[path],
            os.path.relpath(path, ROOT),
            (first, _end_of_block(path, first, last)),
            self._as_written(statement),
            tuple(effects),
            tuple(self._held.values()),
        )
        is_reading = not effects and found.sql.upper().startswith("SELECT")
        if place_of_call({backfill.__file__}):
            # Without rows there is no batch to see.
            found = replace(found, sql=f"backfill in batches: {found.sql}")
        elif is_reading or found in self.statements[-1:]:
            return True
        self.statements.append(found)
        for effect in effects:
            if effect.stops_writers:
                self._held.setdefault(effect.table, effect)
        return True

    def _as_written(self, statement: str) -> str:
        if self._connection.dialect.paramstyle in ("format", "pyformat"):
            statement = statement.replace("%%", "%")
        return " ".join(statement.split())


def _end_of_block(path: str, first: int, last: int) -> int:
    """Return the last line of the block that begins at a line: a batch runs when it ends."""
    for node in ast.walk(ast.parse(Path(path).read_bytes())):
        if isinstance(node, ast.With) and node.lineno == first:
            return node.end_lineno or last
    return last
