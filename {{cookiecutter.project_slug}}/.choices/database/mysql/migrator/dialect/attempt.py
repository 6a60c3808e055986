"""What of a revision is in the database although no run of it has ended.

The server commits each DDL statement at once, so a run that was killed leaves some of them.
"""

from collections import Counter
from typing import NamedTuple

import sqlalchemy as sa
from alembic.operations import ops
from alembic.script import Script
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.sql.elements import conv

from ..revisions.operations import recorded


class _Subject(NamedTuple):
    """What an operation makes or drops: a table, or something of that name in it."""

    kind: str
    schema: str | None
    table: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.table}" + f".{self.name}" * bool(self.name)


def earlier_attempt(connection: sa.Connection, script: Script, is_stamped: bool = True) -> str:
    """Return what of a revision is done, for a person to read; empty when nothing is.

    Args:
        connection: to a database that is not at this revision; it is only read.
        script: the revision that comes next.
        is_stamped: whether the database is at any revision. One that is at none, and has all of
            the first one, was made by other means.
    """
    found = _sorted(connection, script)
    if not found[True] or not (is_stamped or found[False]):
        return ""
    return _sentences(script, found)


def failed_over_earlier_attempt(connection: sa.Connection, script: Script) -> str:
    """Return the same where the server has said that something is done, whatever is found."""
    return _sentences(script, _sorted(connection, script))


def _sentences(script: Script, found: dict[bool | None, list[str]]) -> str:
    revision = script.revision
    unclear = f" Cannot be told: {'; '.join(found[None])}." if found[None] else ""
    return (
        f"Revision {revision} is in the database, or a part of it: an earlier run was killed in it,"
        f" or somebody did by hand what it does. Done: {'; '.join(found[True]) or 'nothing'}."
        f" Not done: {'; '.join(found[False]) or 'nothing'}.{unclear} Undo by hand what is done,"
        f" and run it again; or do the rest by hand, and then: alembic stamp {revision}"
    )


def _sorted(connection: sa.Connection, script: Script) -> dict[bool | None, list[str]]:
    """Return a revision's operations that are done, that are not, and those that do not tell."""
    recording = recorded(script, connection.dialect.name)
    subjects = [_subject(entry.operation) for entry in recording.operations]
    times = Counter(subject for subject, _ in filter(None, subjects))
    inspector = sa.inspect(connection)
    found: dict[bool | None, list[str]] = {True: [], False: [], None: []}
    for entry, made in zip(recording.operations, subjects, strict=True):
        done, what = None, _text(entry.operation)
        if made is not None:
            subject, is_made = made
            what = f"{'make' if is_made else 'drop'} {subject}"
            # What is made or dropped twice tells nothing of either time.
            if times[subject] == 1:
                there = _is_there(inspector, subject)
                done = None if there is None else there == is_made
        found[done].append(f"line {entry.lines[0]}: {what}")
    if recording.stopped_by:
        found[None].append(f"what comes after that ({recording.stopped_by})")
    return found


def _subject(operation: ops.MigrateOperation) -> tuple[_Subject, bool] | None:
    """Return what an operation makes or drops, and whether it makes it; None for any other."""
    schema = getattr(operation, "schema", None)
    match operation:
        case ops.CreateTableOp(table_name=table):
            return _Subject("table", schema, table), True
        case ops.DropTableOp(table_name=table):
            return _Subject("table", schema, table), False
        case ops.RenameTableOp(new_table_name=table):
            return _Subject("table", schema, table), True
        case ops.AddColumnOp(table_name=table, column=column):
            return _Subject("column", schema, table, column.name), True
        case ops.DropColumnOp(table_name=table, column_name=name):
            return _Subject("column", schema, table, name), False
        case ops.AlterColumnOp(table_name=table, modify_name=str(name)):
            return _Subject("column", schema, table, name), True
        case ops.CreateIndexOp(table_name=table, index_name=str(name)):
            return _Subject("index", schema, table, name), True
        case ops.DropIndexOp(table_name=str(table), index_name=str(name)):
            return _Subject("index", schema, table, name), False
        case ops.CreateForeignKeyOp(source_table=table, constraint_name=str(name)):
            return _Subject("constraint", operation.kw.get("source_schema"), table, name), True
        case ops.CreateUniqueConstraintOp(table_name=table, constraint_name=str(name)):
            return _Subject("constraint", schema, table, name), True
        case ops.CreateCheckConstraintOp(table_name=table, constraint_name=str(name)):
            return _Subject("constraint", schema, table, name), True
        case ops.DropConstraintOp(table_name=table, constraint_name=str(name)):
            return _Subject("constraint", schema, table, name), False
    return None


def _text(operation: ops.MigrateOperation) -> str:
    if isinstance(operation, ops.ExecuteSQLOp):
        sql = " ".join(str(operation.sqltext).split())
        return sql if len(sql) <= 60 else f"{sql[:60]}…"
    return type(operation).__name__.removesuffix("Op")


def _is_there(inspector: sa.Inspector, subject: _Subject) -> bool | None:
    """Return whether the database has `subject`; None if a naming convention hides that."""
    kind, schema, table, name = subject
    if kind == "table":
        return inspector.has_table(table, schema)
    try:
        there = name in _names(inspector, *subject[:3])
    except NoSuchTableError:
        return False
    # Another name than op.f("…") may have got a prefix.
    return there if there or kind != "constraint" or isinstance(name, conv) else None


def _names(inspector: sa.Inspector, kind: str, schema: str | None, table: str) -> set[str | None]:
    """Return the names of a table's columns, indexes or constraints."""
    match kind:
        case "column":
            return {row["name"] for row in inspector.get_columns(table, schema)}
        case "index":
            return {row["name"] for row in inspector.get_indexes(table, schema)}
    return {
        *(row["name"] for row in inspector.get_foreign_keys(table, schema)),
        *(row["name"] for row in inspector.get_unique_constraints(table, schema)),
        *(row["name"] for row in inspector.get_check_constraints(table, schema)),
    }
