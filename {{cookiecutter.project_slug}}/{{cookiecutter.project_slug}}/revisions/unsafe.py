"""What a revision does that the code still running on the old schema may not survive.

Each such operation is to be acknowledged on its line, once the steps for it are done:
`# reviewed: <why it is safe>`. README.md, "Change a table in use", has the steps.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from ..settings import ROOT

PACKAGE = __name__.partition(".")[0]

_REVIEWED = re.compile(r"#\s*reviewed:\s*\S")
_SQL = re.compile(
    r"\b(DROP\s+(TABLE|COLUMN)|RENAME\s+(TO|COLUMN|TABLE)|SET\s+NOT\s+NULL"
    r"|ALTER\s+TABLE\s+\S+\s+(MODIFY|CHANGE)|ALTER\s+(COLUMN\s+)?\S+\s+(SET\s+DATA\s+)?TYPE)\b",
    re.IGNORECASE,
)


def findings(versions: Path = ROOT / "alembic" / "versions") -> list[str]:
    """Return `file:line: what it does` for each unsafe operation that nobody has reviewed.

    Looked at are the imports of every revision, and what its `upgrade` does to tables that
    it has not created itself. Only names and values written out in the call are understood.

    Args:
        versions: the folder of the revision files.
    """
    found = []
    for path in sorted(versions.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        for node, what in _unsafe(ast.parse(text)):
            own_lines = lines[node.lineno - 1 : node.end_lineno]
            if not any(_REVIEWED.search(line) for line in own_lines):
                found.append(f"{path.relative_to(versions.parent.parent)}:{node.lineno}: {what}")
    return found


def _unsafe(tree: ast.Module) -> Iterator[tuple[ast.stmt | ast.expr, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and _imports_application(node):
            yield node, "imports the application, which changes while the revision has to stay"
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and function.name == "upgrade":
            yield from _unsafe_operations(function)


def _imports_application(node: ast.Import | ast.ImportFrom) -> bool:
    modules = [name.name for name in node.names]
    if isinstance(node, ast.ImportFrom):
        modules = [node.module or ""]
    return any(
        module.partition(".")[0] == PACKAGE and module != f"{PACKAGE}.database.backfill"
        for module in modules
    )


def _unsafe_operations(upgrade: ast.FunctionDef) -> Iterator[tuple[ast.expr, str]]:
    calls = [node for node in ast.walk(upgrade) if isinstance(node, ast.Call)]
    batches = _batches(upgrade)
    created = {_table(call) for call in calls if _name(call) == "create_table"}
    for call in calls:
        on_op = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "op"
        if not on_op and call not in batches:
            continue
        table = _table(call) if on_op else batches[call]
        if table not in created:
            yield from ((call, what) for what in _what(call))


def _batches(upgrade: ast.FunctionDef) -> dict[ast.Call, str]:
    """Return the table of each call that is made within an `op.batch_alter_table`."""
    tables: dict[ast.Call, str] = {}
    for block in (node for node in ast.walk(upgrade) if isinstance(node, ast.With)):
        for item in block.items:
            batch = item.context_expr
            if isinstance(batch, ast.Call) and _name(batch) == "batch_alter_table":
                inside = (node for statement in block.body for node in ast.walk(statement))
                tables |= {call: _table(batch) for call in inside if isinstance(call, ast.Call)}
    return tables


def _what(call: ast.Call) -> Iterator[str]:
    """Yield what an operation does that is unsafe on a table in use."""
    values = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    match _name(call):
        case "drop_table":
            yield "drops a table"
        case "rename_table":
            yield "renames a table"
        case "drop_column":
            yield "drops a column"
        case "add_column":
            if any(_is_required(argument) for argument in call.args):
                yield "adds a column that is NOT NULL without a server_default"
        case "alter_column":
            if values.get("new_column_name", "None") != "None":
                yield "renames a column"
            if values.get("nullable") == "False":
                yield "makes a column NOT NULL"
            if values.get("type_", "None") != "None":
                yield "changes a column's type"
        case "execute":
            for node in ast.walk(call):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    for match in _SQL.finditer(node.value):
                        yield f"has {' '.join(match[0].upper().split())} in its SQL"


def _is_required(column: ast.expr) -> bool:
    """Return whether an argument is a column that old code's INSERTs would lack."""
    if not isinstance(column, ast.Call):
        return False
    values = {keyword.arg: ast.unparse(keyword.value) for keyword in column.keywords}
    generated = any(
        isinstance(argument, ast.Call) and _name(argument) in ("Identity", "Computed")
        for argument in column.args
    )
    return (
        values.get("nullable") == "False"
        and values.get("server_default", "None") == "None"
        and not generated
    )


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def _table(call: ast.Call) -> str:
    """Return the source of the argument that names the table."""
    named = [keyword.value for keyword in call.keywords if keyword.arg == "table_name"]
    arguments = [*call.args, *named]
    return ast.unparse(arguments[0]) if arguments else ""
