"""What a revision does that the code still running on the old schema may not survive.

Its author acknowledges each such operation on its line, once the steps for it are done:
`# reviewed: <why it is safe>`. README.md, "Change a table in use", has the steps.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from alembic.config import Config
from alembic.operations import ops
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Column

from ..paths import ROOT
from ..project import load_project
from .operations import recorded

_REVIEWED = re.compile(r"#\s*reviewed:\s*\S")
_SQL = re.compile(
    r"\b(DROP\s+(TABLE|COLUMN)|RENAME\s+(TO|COLUMN|TABLE)|SET\s+NOT\s+NULL"
    r"|ALTER\s+TABLE\s+\S+\s+(MODIFY|CHANGE)|ALTER\s+(COLUMN\s+)?\S+\s+(SET\s+DATA\s+)?TYPE)\b",
    re.IGNORECASE,
)

# The first and the last line, counted from 1, and what is done there.
Finding = tuple[int, int, str]


def findings(config: Config, dialect: str) -> list[str]:
    """Return `file:line: what it does` for each unsafe operation without a review.

    These are imports of the application, and what `upgrade()` does to tables that the revision
    has not created itself.

    Args:
        config: Alembic's configuration, of this project.
        dialect: SQLAlchemy's name for the database.
    """
    package = load_project(config).package
    scripts = ScriptDirectory.from_config(config)
    found = []
    for script in sorted(scripts.walk_revisions(), key=lambda script: script.path):
        path = Path(script.path)
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        unsafe = [*_imports(ast.parse(text), package), *_operations(script, dialect)]
        for first, last, what in sorted(unsafe):
            if not any(_REVIEWED.search(line) for line in lines[first - 1 : last]):
                found.append(f"{path.relative_to(ROOT)}:{first}: {what}")
    return found


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


def _operations(script: Script, dialect: str) -> Iterator[Finding]:
    recording = recorded(script, dialect)
    created = set()
    for entry in recording.operations:
        if isinstance(entry.operation, ops.CreateTableOp):
            created.add((entry.operation.schema, entry.operation.table_name))
        elif _table(entry.operation) not in created:
            yield from ((*entry.lines, what) for what in _what(entry.operation))
    if recording.stopped_by:
        line = script.module.upgrade.__code__.co_firstlineno
        yield line, line, f"cannot be read without a database ({recording.stopped_by})"


def _table(operation: ops.MigrateOperation) -> tuple[str | None, str | None]:
    return getattr(operation, "schema", None), getattr(operation, "table_name", None)


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
        case ops.AlterColumnOp():
            if operation.modify_name is not None:
                yield "renames a column"
            if operation.modify_nullable is False:
                yield "makes a column NOT NULL"
            if operation.modify_type is not None:
                yield "changes a column's type"
        case ops.ExecuteSQLOp(sqltext=sql):
            for match in _SQL.finditer(str(sql)):
                yield f"has {' '.join(match[0].upper().split())} in its SQL"


def _is_required(column: Column[object]) -> bool:
    """Return whether the INSERTs of old code lack a value for `column`."""
    generated = column.server_default is not None or column.identity is not None
    return not column.nullable and not generated and column.computed is None
