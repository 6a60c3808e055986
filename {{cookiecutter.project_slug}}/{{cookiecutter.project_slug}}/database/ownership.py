"""Which tables are the project's: those of its models, and those its revisions have created.

Any other table in the database is somebody else's. It is passed over by its name, before it
is reflected, so that autogenerate neither drops it nor takes time for it.
"""

import ast
import re
from collections.abc import Iterator, MutableMapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from alembic import context
from alembic.script import Script, ScriptDirectory

from .base import Base

_SQL = re.compile(
    r"\b(CREATE|DROP)\s+TABLE\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?[\"`\[]?(\w+)", re.IGNORECASE
)


def is_own_name(
    name: str | None,
    kind: str,
    parents: MutableMapping[
        Literal["schema_name", "table_name", "schema_qualified_table_name"], str | None
    ],
) -> bool:
    """Return whether autogenerate may look at something: Alembic's `include_name`.

    Args:
        name: its name in the database; None for the default schema.
        kind: `schema`, `table`, or something within a table.
        parents: where it is.
    """
    if kind == "schema":
        return name is None or any(name == t.schema for t in Base.metadata.tables.values())
    if kind == "table":
        return parents["schema_qualified_table_name"] in Base.metadata.tables or name in (
            created_tables(context.script)
        )
    return True


@lru_cache(maxsize=1)
def created_tables(scripts: ScriptDirectory) -> frozenset[str]:
    """Return the names of the tables that exist after all revisions, read from their files.

    Understood are `create_table`, `drop_table` and `rename_table` with a literal name or a
    constant of the revision's module, and CREATE TABLE and DROP TABLE in SQL text.
    """
    tables: set[str] = set()
    for script in reversed(list(scripts.walk_revisions())):
        for gone, made in _table_changes(script):
            tables.discard(gone)
            tables.add(made)
    return frozenset(tables - {""})


def _table_changes(script: Script) -> Iterator[tuple[str, str]]:
    """Yield, in the order of the file, which table is gone and which is made ("" for none)."""
    tree = ast.parse(Path(script.path).read_bytes())
    upgrade = next(
        (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "upgrade"), None
    )
    for node in ast.walk(upgrade) if upgrade else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            names = [_text(argument, script.module) for argument in node.args[:2]]
            match node.func.attr, names:
                case "create_table", [made, *_]:
                    yield "", made
                case "drop_table", [gone, *_]:
                    yield gone, ""
                case "rename_table", [gone, made]:
                    yield gone, made
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            for verb, table in _SQL.findall(node.value):
                yield ("", table) if verb.upper() == "CREATE" else (table, "")


def _text(node: ast.expr, module: Any) -> str:
    """Return the text that a literal or a module's constant holds, or "" for anything else."""
    value = (
        node.value
        if isinstance(node, ast.Constant)
        else getattr(module, node.id, "")
        if isinstance(node, ast.Name)
        else ""
    )
    return value if isinstance(value, str) else ""
