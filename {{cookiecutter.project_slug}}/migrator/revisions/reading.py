"""What revision files say, read without running them."""

import ast
from pathlib import Path

from alembic.script import Script


def upgrade_calls(script: Script) -> list[ast.Call]:
    """Return the calls in a revision's file, in their order, without those of `downgrade`."""
    tree = ast.parse(Path(script.path).read_bytes())
    calls = [
        node
        for part in tree.body
        if not (isinstance(part, ast.FunctionDef) and part.name == "downgrade")
        for node in ast.walk(part)
        if isinstance(node, ast.Call)
    ]
    return sorted(calls, key=lambda call: (call.lineno, call.col_offset))


def text_of(node: ast.AST, script: Script) -> str:
    """Return the text of a literal or of a constant of the revision's module, else ""."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            value = getattr(script.module, name, "")
            return value if isinstance(value, str) else ""
    return ""
