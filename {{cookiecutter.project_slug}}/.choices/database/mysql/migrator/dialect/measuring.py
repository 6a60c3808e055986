"""What a statement locks and rebuilds on MySQL and MariaDB: the least that the server grants."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from alembic.operations.ops import MigrateOperation
from pymysql import MySQLError
from sqlalchemy import Connection, text

from ..revisions.effects import Effect, Size, Waiting, Work

# Whether statements are measured that make others wait.
MEASURES_LOCKS = True
# Whether what a statement locks stays locked until its revision ends.
HOLDS_LOCKS = False
NOTE = (
    "ALTER TABLE also waits, whatever it locks, for each transaction that has read the table, and"
    " new readers queue behind it meanwhile."
)

# From the least to the most: https://mariadb.com/kb/en/innodb-online-ddl-overview/
_GRANTS = (
    ("INSTANT", "DEFAULT"),
    ("NOCOPY", "NONE"),
    ("INPLACE", "NONE"),
    ("INPLACE", "SHARED"),
    ("COPY", "NONE"),
    ("COPY", "SHARED"),
    ("COPY", "EXCLUSIVE"),
)
# By the server's numbers: the operation is not supported so, there is no such algorithm, or the
# statement takes no clauses, as those on partitions.
_REFUSED = {1845, 1846, 1800, 1064}
_WAITING = {"NONE": Waiting.NOBODY, "SHARED": Waiting.WRITERS, "EXCLUSIVE": Waiting.ALL}

_NAME = r"(?:`?\w+`?\.)?`?(?P<table>\w+)`?"
_FLAGS = re.IGNORECASE | re.DOTALL
_ALTER = re.compile(rf"\s*(?P<start>ALTER\s+TABLE\s+{_NAME})\s+(?P<rest>.*)", _FLAGS)
_INDEX = re.compile(rf"\s*CREATE\s.*?\bINDEX\s.*?\bON\s+{_NAME}\s*\(", _FLAGS)
_DROP_INDEX = re.compile(r"\s*DROP\s+INDEX\s+(\S+)\s+ON\s+(\S+)", _FLAGS)
_ROWS = re.compile(rf"\s*(?:UPDATE|DELETE\s+FROM)\s+{_NAME}", _FLAGS)
_BRIEF = re.compile(
    rf"\s*(?:(?:DROP|RENAME)\s+TABLE|TRUNCATE(?:\s+TABLE)?|CREATE\s+TRIGGER\s.*?\sON)\s+{_NAME}",
    _FLAGS,
)
_RENAME = re.compile(r"RENAME\s+(?!(COLUMN|INDEX|KEY)\b)", _FLAGS)
_PARENT = re.compile(rf"\bREFERENCES\s+{_NAME}", _FLAGS)
_BUILDS_INDEX = re.compile(r"ADD\b.*\b(INDEX|KEY|UNIQUE)\b|\s*CREATE\b", _FLAGS)
_GIVEN = re.compile(r"\bLOCK\s*=?\s*(NONE|SHARED|EXCLUSIVE)\b|\bALGORITHM\s*=", _FLAGS)

_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
# A table that is rebuilt gets another number. Not every user may see it.
_NUMBERS = """
    SELECT SUBSTRING_INDEX(name, '/', -1), table_id FROM information_schema.{}
    WHERE name LIKE CONCAT(DATABASE(), '/%')
"""
_SIZES = text("""
    SELECT table_name, table_rows, data_length + index_length
    FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'
""")

# What does the same without making writers wait, by what is in the statement.
SAFE_FORMS = {
    r"\bFOREIGN\s+KEY\b": "none is checked without a copy; SET foreign_key_checks = 0 before it"
    " builds none, and does not look at the rows that are there",
    r"\bCHECK\b": "there is none: at a quiet hour, or in the code",
    r"\b(MODIFY|CHANGE)\b": "a new column, which takes the old one's place in steps",
    r"\bADD\s+(COLUMN\b|\S+\s)": "the column without its default; then a backfill",
    r"\s*(UPDATE|DELETE)\b": "migrator.backfill, in a separate revision",
}


def unmeasured(operation: MigrateOperation, added: set[tuple[str, str]]) -> str:
    """Return nothing: what an operation locks is measured."""
    return ""


class Measuring:
    """Runs statements on a throw-away database, and tells what each of them does."""

    def __init__(self, connection: Connection) -> None:
        """Measure what runs on `connection`."""
        self._connection = connection
        self._before: set[str] = set()

    def start_revision(self) -> None:
        """Take the tables that are there now for those that were there before."""
        self._before = {row[0] for row in self._ask(_TABLES)}

    def measure(
        self, cursor: Any, statement: str, execute: Callable[[str], object]
    ) -> list[Effect]:
        """Run a statement by `execute`, and return what it does to the tables of before.

        It asks for the least that an ALTER TABLE can do, and for more when the server refuses;
        what is refused changes nothing.
        """
        numbers = self._numbers()
        effects = [*self._effects(statement, execute)]
        rebuilt = {name for name, number in self._numbers().items() if number != numbers.get(name)}
        return [
            replace(effect, work=Work.REWRITE) if effect.table in rebuilt else effect
            for effect in effects
            if effect.table in self._before
        ]

    def _effects(self, statement: str, execute: Callable[[str], object]) -> Iterator[Effect]:
        if not _GIVEN.search(statement):
            # DROP INDEX takes no clauses.
            statement = _DROP_INDEX.sub(r"ALTER TABLE \2 DROP INDEX \1", statement)
        alter, index = _ALTER.match(statement), _INDEX.match(statement)
        is_rename = alter is not None and _RENAME.match(alter["rest"]) is not None
        if alter and not is_rename:
            start, rest = f"{alter['start']} ", f", {alter['rest']}"
            yield from _altered(alter["table"], statement, execute, (start, ", ", rest))
        elif index:
            yield from _altered(index["table"], statement, execute, (f"{statement} ", " ", ""))
        else:
            execute(statement)
            brief, rows = alter or _BRIEF.match(statement), _ROWS.match(statement)
            if brief:
                yield Effect(brief["table"], "EXCLUSIVE", Work.NONE, Waiting.ALL)
            elif rows:
                yield Effect(rows["table"], "rows", Work.SCAN, Waiting.SAME_ROWS)

    def _numbers(self) -> dict[str, int]:
        """Return the server's numbers of the tables; none where the user may not see them."""
        dialect: Any = self._connection.dialect
        view = "INNODB_SYS_TABLES" if dialect.is_mariadb else "INNODB_TABLES"
        try:
            return dict(self._ask(_NUMBERS.format(view)))
        except MySQLError:
            return {}

    def _ask(self, question: str) -> list[Any]:
        driver: Any = self._connection.connection.driver_connection
        with driver.cursor() as cursor:
            cursor.execute(question)
            return list(cursor.fetchall())


def _altered(
    table: str,
    statement: str,
    execute: Callable[[str], object],
    around: tuple[str, str, str],
) -> Iterator[Effect]:
    """Run a statement with the least that the server grants, and yield what that is.

    The clauses that ask for it have `around` before, between and after them.
    """
    before, between, after = around
    if given := [found[1] for found in _GIVEN.finditer(statement)]:
        execute(statement)
        algorithm, lock = "as given", next(filter(None, given), "NONE")
    else:
        algorithm, lock = _granted(
            lambda clauses: execute(
                before + between.join(clauses) + after if clauses else statement
            )
        )
    work = Work.NONE
    if algorithm == "COPY":
        work = Work.REWRITE
    elif algorithm != "INSTANT" and _BUILDS_INDEX.search(statement):
        work = Work.SCAN
    name, waiting = f"{algorithm}, {lock}", _WAITING[lock.upper()]
    yield Effect(table, name, work, waiting)
    if waiting is not Waiting.NOBODY:
        for parent in _PARENT.finditer(statement):
            yield Effect(parent["table"], name, Work.NONE, waiting)


def _granted(execute: Callable[[tuple[str, ...]], object]) -> tuple[str, str]:
    """Return the first of `_GRANTS` with which `execute` is not refused."""
    for algorithm, lock in _GRANTS:
        try:
            execute((f"ALGORITHM={algorithm}", f"LOCK={lock}"))
        except MySQLError as error:
            if error.args[0] not in _REFUSED:
                raise
        else:
            return algorithm, "NONE" if lock == "DEFAULT" else lock
    execute(())
    return "unknown", "EXCLUSIVE"


def sizes(connection: Connection) -> dict[str, Size]:
    """Return how large the tables are, as the server estimates."""
    return {name: Size(rows, size) for name, rows, size in connection.execute(_SIZES)}
