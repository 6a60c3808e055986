"""What a revision does that the code still running on the old schema may not survive.

Its author acknowledges each such operation on its line, once the steps for it are done:
`# reviewed: <why it is safe>`. README.md, "Change a table in use", has the steps.
"""

import ast
import os
import re
import tokenize
from collections.abc import Iterator

from alembic.config import Config
from alembic.operations import ops
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Column

from ..paths import ROOT
from ..project import load_project
from .operations import ReplaceEnumOp, recorded
from .selecting import up_to
from .widening import is_widening

_REVIEWED = re.compile(r"#\s*reviewed:\s*\S")
_SQL = re.compile(
    r"\b(DROP\s+(TABLE|COLUMN)|RENAME\s+(TO|COLUMN|TABLE)|SET\s+NOT\s+NULL"
    r"|ALTER\s+TABLE\s+\S+\s+(MODIFY|CHANGE)|ALTER\s+(COLUMN\s+)?\S+\s+(SET\s+DATA\s+)?TYPE"
    r"|ADD\s+(CONSTRAINT\s+\S+\s+)?(UNIQUE|FOREIGN\s+KEY|CHECK))\b",
    re.IGNORECASE,
)
# Statements that are safe although they have such words: no row is read, or none is locked for long.
_SAFE_SQL = re.compile(
    r"\bALTER\s+INDEX\b[^;]*|\bUNIQUE\s+USING\s+INDEX\b"
    r"|\bADD\s+CONSTRAINT\b[^;]*\bNOT\s+VALID\b",
    re.IGNORECASE,
)

# The first and the last line, counted from 1, and what is done there.
Finding = tuple[int, int, str]


def findings(config: Config, dialect: str) -> list[str]:
    """Return `file:line: what it does` for each unsafe operation without a review.

    These are imports of the application, and what `upgrade()` does to tables that the revision
    has not created itself. Revisions up to `Project.baseline` are not judged.

    Args:
        config: Alembic's configuration, of this project.
        dialect: SQLAlchemy's name for the database.

    Raises:
        SettingsError: the baseline is no revision.
    """
    project = load_project(config)
    scripts = ScriptDirectory.from_config(config)
    old = up_to(scripts, project.baseline, "baseline")
    new = [script for script in scripts.walk_revisions() if script.revision not in old]
    found = []
    for script in sorted(new, key=lambda script: script.path):
        # As Python reads it, which knows `# coding:`.
        with tokenize.open(script.path) as file:
            text = file.read()
        lines = text.splitlines()
        unsafe = [*_imports(ast.parse(text), project.package), *_operations(script, dialect)]
        for first, last, what in sorted(unsafe):
            if not any(_REVIEWED.search(line) for line in lines[first - 1 : last]):
                found.append(f"{os.path.relpath(script.path, ROOT)}:{first}: {what}")
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
    created: set[tuple[str | None, str | None]] = set()
    added: set[tuple[str | None, str | None, str]] = set()
    for entry in recording.operations:
        operation = entry.operation
        if isinstance(operation, ops.CreateTableOp):
            created.add((operation.schema, operation.table_name))
        elif _table(operation) not in created and not _columns(operation) & added:
            yield from ((*entry.lines, what) for what in _what(operation, dialect))
        if isinstance(operation, ops.AddColumnOp):
            added.add((*_table(operation), operation.column.name))
    if recording.stopped_by:
        code = getattr(getattr(script.module, "upgrade", None), "__code__", None)
        line = code.co_firstlineno if code else 1
        yield line, line, f"cannot be read without a database ({recording.stopped_by})"


def _table(operation: ops.MigrateOperation) -> tuple[str | None, str | None]:
    if isinstance(operation, ops.CreateForeignKeyOp):
        return operation.kw.get("source_schema"), operation.source_table
    return getattr(operation, "schema", None), getattr(operation, "table_name", None)


def _columns(operation: ops.MigrateOperation) -> set[tuple[str | None, str | None, str]]:
    """Return the columns that a constraint is for: new ones have no values to break it yet."""
    match operation:
        case ops.CreateForeignKeyOp():
            names = operation.local_cols
        case ops.CreateUniqueConstraintOp() | ops.CreateIndexOp():
            names = [str(getattr(part, "name", part)) for part in operation.columns]
        case _:
            names = []
    return {(*_table(operation), name) for name in names}


def _what(operation: ops.MigrateOperation, dialect: str) -> Iterator[str]:
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
            new = operation.modify_type
            if new is not None and not is_widening(operation.existing_type, new, dialect):
                yield "changes a column's type"
        case ops.CreateUniqueConstraintOp() | ops.CreateIndexOp(unique=True):
            yield "adds UNIQUE"
        case ops.CreateForeignKeyOp(kw=options) if not options.get("postgresql_not_valid"):
            yield "adds a FOREIGN KEY"
        case ops.CreateCheckConstraintOp(kw=options) if not options.get("postgresql_not_valid"):
            yield "adds a CHECK"
        case ReplaceEnumOp():
            yield "replaces an enum's type"
        case ops.ExecuteSQLOp(sqltext=sql):
            for match in _SQL.finditer(_SAFE_SQL.sub(" ", str(sql))):
                yield f"has {' '.join(match[0].upper().split())} in its SQL"


def _is_required(column: Column[object]) -> bool:
    """Return whether the INSERTs of old code lack a value for `column`."""
    generated = column.server_default is not None or column.identity is not None
    return not column.nullable and not generated and column.computed is None
