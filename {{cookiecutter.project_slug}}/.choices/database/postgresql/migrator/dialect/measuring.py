"""What a statement locks, reads and rewrites on PostgreSQL, as the server itself says."""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from alembic.operations.ops import MigrateOperation
from sqlalchemy import Connection, text

from ..revisions.effects import Effect, Size, Waiting, Work

# Whether statements are measured that make others wait.
MEASURES_LOCKS = True
# Whether what a statement locks stays locked until its revision ends.
HOLDS_LOCKS = True
NOTE = ""

# From weak to strong: https://www.postgresql.org/docs/current/explicit-locking.html
_MODES = (
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)
_WRITE = _MODES.index("RowExclusiveLock")

# What the server refuses in a transaction.
_ALONE = re.compile(
    r"(--.*\n|/\*.*?\*/|\s)*(VACUUM|ALTER\s+SYSTEM|(CREATE|DROP)\s+(DATABASE|TABLESPACE))\b"
    r"|.*\bCONCURRENTLY\b",
    re.IGNORECASE | re.DOTALL,
)
_TABLES = """
    SELECT oid, oid::regclass::text, relfilenode, pg_stat_get_xact_numscans(oid),
           ARRAY(SELECT indexrelid FROM pg_index WHERE indrelid = pg_class.oid ORDER BY indexrelid)
    FROM pg_class
    WHERE relkind IN ('r', 'p', 'm') AND relnamespace::regnamespace::text !~ '^(pg_|information_)'
"""
_LOCKS = """
    SELECT relation, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'
"""
# Of the catalogue and the statistics alone: pg_total_relation_size would wait for a lock.
_SIZES = text("""
    WITH RECURSIVE part (root, oid) AS (
        SELECT oid, oid FROM pg_class
        WHERE relkind IN ('r', 'p', 'm')
          AND relnamespace::regnamespace::text !~ '^(pg_|information_)'
        UNION ALL SELECT root, inhrelid FROM part JOIN pg_inherits ON inhparent = oid
    ), file (part, oid) AS (
        SELECT oid, oid FROM pg_class
        UNION ALL SELECT oid, reltoastrelid FROM pg_class
        UNION ALL SELECT indrelid, indexrelid FROM pg_index
    )
    SELECT root::regclass::text,
           sum(CASE WHEN relkind NOT IN ('r', 'm') THEN 0
                    WHEN reltuples < 0 THEN pg_stat_get_live_tuples(pg_class.oid)
                    ELSE reltuples END)::bigint,
           CASE WHEN bool_and(relkind NOT IN ('r', 'm') OR reltuples >= 0) THEN
                    sum(relpages::bigint * current_setting('block_size')::int)::bigint END
    FROM part JOIN file ON file.part = part.oid JOIN pg_class ON pg_class.oid = file.oid
    GROUP BY root
""")

# What does the same without making writers wait, by what is in the statement.
SAFE_FORMS = {
    r"\bCREATE\s+(UNIQUE\s+)?INDEX\b": "postgresql_concurrently=True, in a separate revision and"
    " inside `with op.get_context().autocommit_block():`",
    r"\b(FOREIGN\s+KEY|REFERENCES|CHECK)\b": "postgresql_not_valid=True, and VALIDATE CONSTRAINT in"
    " the next revision",
    r"\b(UNIQUE|PRIMARY\s+KEY)\b": "a unique index first, built concurrently; then ADD CONSTRAINT …"
    " USING INDEX",
    r"\bSET\s+NOT\s+NULL\b": "a CHECK (… IS NOT NULL) that is valid makes the scan needless",
    r"\bTYPE\b": "a new column, which takes the old one's place in steps",
    r"\bADD\s+COLUMN\b.*\bGENERATED\s+ALWAYS\s+AS\s*\(": "a plain column that the code writes; then"
    " a backfill",
    r"\bADD\s+COLUMN\b(?!.*\bDEFAULT\b).*\bNOT\s+NULL\b": "the column without NOT NULL; then a"
    " backfill; then SET NOT NULL",
    r"\bADD\s+COLUMN\b": "the column without its default; then the default; then a backfill",
    r"\s*(UPDATE|DELETE)\b": "migrator.backfill, in a separate revision",
}


class _Table(NamedTuple):
    name: str
    file: int
    scans: int
    indexes: list[int]


def unmeasured(operation: MigrateOperation, added: set[tuple[str, str]]) -> str:
    """Return nothing: what an operation locks is measured."""
    return ""


class Measuring:
    """Runs statements on a throw-away database, and tells what each of them does."""

    def __init__(self, connection: Connection) -> None:
        """Measure what runs on `connection`."""
        self._connection = connection
        self._before: dict[int, _Table] = {}

    def start_revision(self) -> None:
        """Take the tables that are there now for those that were there before."""
        self._before = self._tables()

    def measure(
        self, cursor: Any, statement: str, execute: Callable[[str], object]
    ) -> list[Effect]:
        """Run a statement by `execute`, commit it, and return what it does to the tables of before.

        What a transaction has locked is no new lock for its next statement, so each needs
        a separate transaction.
        """
        own_transaction = cursor.connection.autocommit
        if own_transaction and _ALONE.match(statement):
            return self._alone(statement, execute)
        if own_transaction:
            self._ask("BEGIN")
        before, held = self._tables(), self._modes()
        execute(statement)
        after, modes = self._tables(), self._modes()
        is_open = self._connection.in_nested_transaction() or getattr(cursor, "name", None)
        # Rows may break a constraint that is deferred, until the last of them is there.
        is_open = is_open or re.match(r"\s*(INSERT|SELECT|WITH)\b", statement, re.IGNORECASE)
        if own_transaction:
            self._ask("COMMIT")
        elif not is_open:
            cursor.connection.commit()
        work = {}
        # TRUNCATE makes a new file too, an empty one.
        for oid in () if statement.lstrip().upper().startswith("TRUNCATE") else before:
            old, new = before[oid], after.get(oid, before[oid])
            if new.scans > old.scans:
                work[oid] = Work.SCAN
            if new.file != old.file:
                work[oid] = Work.REWRITE
        taken = {
            oid: mode for oid, mode in modes.items() if mode > held.get(oid, -1) or mode == _WRITE
        }
        return [*self._effects(statement, taken, work)]

    def _effects(
        self, statement: str, modes: dict[int, int], work: dict[int, Work]
    ) -> Iterator[Effect]:
        changes_rows = re.match(r"\s*(UPDATE|DELETE|MERGE)\b", statement, re.IGNORECASE)
        for oid, table in self._before.items():
            mode, done = modes.get(oid, 0), work.get(oid, Work.NONE)
            if mode <= _WRITE and not done and not (mode == _WRITE and changes_rows):
                continue
            waiting = Waiting.NOBODY
            if mode == _MODES.index("AccessExclusiveLock"):
                waiting = Waiting.ALL
            elif mode >= _MODES.index("ShareLock"):
                waiting = Waiting.WRITERS
            elif mode == _WRITE and changes_rows:
                waiting = Waiting.SAME_ROWS
            yield Effect(table.name, _MODES[mode].removesuffix("Lock"), done, waiting)

    def _alone(self, statement: str, execute: Callable[[str], object]) -> list[Effect]:
        """Run what is refused in a transaction: its locks are known by what it has changed."""
        before = self._tables()
        execute(statement)
        modes, work = {}, {}
        is_drop = re.search(r"\bDROP\b", statement, re.IGNORECASE)
        for oid, new in self._tables().items():
            old = before.get(oid, new)
            if new.file != old.file:
                modes[oid], work[oid] = _MODES.index("AccessExclusiveLock"), Work.REWRITE
            elif new.indexes != old.indexes:
                modes[oid] = _MODES.index("ShareUpdateExclusiveLock")
                work[oid] = Work.NONE if is_drop else Work.SCAN
        return [*self._effects(statement, modes, work)]

    def _tables(self) -> dict[int, _Table]:
        return {oid: _Table(*rest) for oid, *rest in self._ask(_TABLES)}

    def _modes(self) -> dict[int, int]:
        """Return the strongest lock on each table, as its place in `_MODES`."""
        found: dict[int, int] = {}
        for oid, mode in self._ask(_LOCKS):
            found[oid] = max(found.get(oid, 0), _MODES.index(mode))
        return found

    def _ask(self, question: str) -> list[Any]:
        driver: Any = self._connection.connection.driver_connection
        with driver.cursor() as cursor:
            cursor.execute(question)
            return list(cursor.fetchall()) if cursor.description else []


def sizes(connection: Connection) -> dict[str, Size]:
    """Return how large the tables are, as the server last counted them; no table is locked."""
    return {name: Size(rows, size) for name, rows, size in connection.execute(_SIZES)}
