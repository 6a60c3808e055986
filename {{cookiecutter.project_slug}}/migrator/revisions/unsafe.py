"""What a revision does that the code still running on the old schema may not survive.

Its author acknowledges each such operation on its line, once the steps for it are done:
`# reviewed: <why it is safe>`. README.md, "Change a table in use", has the steps.
"""

import ast
import os
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from alembic.operations import ops
from alembic.script import Script
from sqlalchemy import Column

from ..paths import ROOT
from ..project import Project
from .operations import recorded

_REVIEWED = re.compile(r"#\s*reviewed:\s*\S")
_SQL = re.compile(
    r"\b(DROP\s+(TABLE|COLUMN)|RENAME\s+(TO|COLUMN|TABLE)|SET\s+NOT\s+NULL"
    r"|ALTER\s+TABLE\s+\S+\s+(MODIFY|CHANGE))\b",
    re.IGNORECASE,
)
# Old code does not know the names of indexes.
_SAFE_SQL = re.compile(r"\bALTER\s+INDEX\b[^;]*", re.IGNORECASE)

# The first and the last line, counted from 1, and what is done there.
Finding = tuple[int, int, str]
# Returns what an operation does, or nothing; it gets the columns that the revision has added, each
# with its table.
Rule = Callable[[ops.MigrateOperation, set[tuple[str, str]]], str]


def findings(scripts: Iterable[Script], project: Project, dialect: str, also: Rule) -> list[str]:
    """Return `file:line: what it does` for each unsafe operation without a review.

    These are imports of the application, and what `upgrade()` does to tables that the revision
    has not created itself.

    Args:
        scripts: the revisions that are judged.
        project: the app.
        dialect: SQLAlchemy's name for the database.
        also: what else is unsafe on this database.
    """
    found = []
    for script in scripts:
        tree = ast.parse(Path(script.path).read_bytes())
        unsafe = [*_imports(tree, project.package), *_operations(script, dialect, also)]
        for first, last, what in sorted(unsafe):
            if not is_reviewed(script.path, first, last):
                found.append(f"{os.path.relpath(script.path, ROOT)}:{first}: {what}")
    return found


def is_reviewed(path: str, first: int = 1, last: int | None = None) -> bool:
    """Return whether one of a file's lines, counted from 1, has a `# reviewed: <why>`."""
    # As Python reads it, which knows `# coding:`.
    with tokenize.open(path) as file:
        lines = file.read().splitlines()
    return any(_REVIEWED.search(line) for line in lines[first - 1 : last])


def _imports(tree: ast.Module, package: str) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        prefix = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
        lines = node.lineno, node.end_lineno or node.lineno
        for name in node.names:
            module = prefix + name.name
            if module.partition(".")[0] == package:
                what = "imports the application, which changes while the revision has to stay"
                yield *lines, what
            elif module.startswith("migrator.") and not module.startswith("migrator.backfill"):
                yield *lines, "imports the migrator; only migrator.backfill stays the same"


def _operations(script: Script, dialect: str, also: Rule) -> Iterator[Finding]:
    recording = recorded(script, dialect)
    created: set[tuple[str | None, str | None]] = set()
    added: set[tuple[str, str]] = set()
    for entry in recording.operations:
        operation = entry.operation
        named = getattr(operation, "table_name", getattr(operation, "source_table", None))
        table = getattr(operation, "schema", None), named
        if isinstance(operation, ops.CreateTableOp):
            created.add(table)
        elif table not in created:
            yield from ((*entry.lines, what) for what in _what(operation))
            if what := also(operation, added):
                yield *entry.lines, what
        if isinstance(operation, ops.AddColumnOp):
            added.add((operation.table_name, operation.column.name))
    if recording.stopped_by:
        code = getattr(getattr(script.module, "upgrade", None), "__code__", None)
        line = code.co_firstlineno if code else 1
        yield line, line, f"cannot be read without a database ({recording.stopped_by})"


def _what(operation: ops.MigrateOperation) -> Iterator[str]:
    """Yield what an operation does that is unsafe on a table in use."""
    match operation:
        case ops.DropTableOp():
            yield "drops a table"
        case ops.RenameTableOp():
            yield "renames a table"
        case ops.DropColumnOp():
            yield "drops a column"
        case ops.AddColumnOp(column=column) if _is_required(column):
            yield "adds a column that is NOT NULL without a server_default"
        case ops.AlterColumnOp(existing_type=old, modify_type=new):
            if operation.modify_name is not None:
                yield "renames a column"
            if operation.modify_nullable is False:
                yield "makes a column NOT NULL"
            # Old code reads values of another kind then.
            if new is not None and (old is None or old._type_affinity != new._type_affinity):
                yield "changes a column's type"
        case ops.ExecuteSQLOp(sqltext=sql):
            for match in _SQL.finditer(_SAFE_SQL.sub(" ", str(sql))):
                yield f"has {' '.join(match[0].upper().split())} in its SQL"


def _is_required(column: Column[object]) -> bool:
    """Return whether the INSERTs of old code lack a value for `column`."""
    generated = column.server_default is not None or column.identity is not None
    return not column.nullable and not generated and column.computed is None
