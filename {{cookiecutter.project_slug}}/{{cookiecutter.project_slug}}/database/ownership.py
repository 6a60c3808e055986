"""Which tables are the project's: those of its models, and those its revisions have created.

Any other table in the database is somebody else's. It is passed over by its name, before it
is reflected, so that autogenerate neither drops it nor takes time for it.
"""

import ast
import re
from collections.abc import Iterable, Iterator, MutableMapping
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

from alembic import context
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

from .base import Base

_NAME = r'(?:"[^"]+"|`[^`]+`|\w++)'
_TABLE = rf"(?:(?P<schema>{_NAME})\.)?(?P<name>{_NAME})"
# Texts, so that only a command that reads revisions compiles them.
# A partition goes with its table, which has to be in the models.
_SQL = rf"""(?xi)
    \b(?P<verb>CREATE|DROP)\s+(?:UNLOGGED\s+)?TABLE\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?
    {_TABLE}(?!\s+PARTITION\s+OF\b)
    |\b(?:RENAME\s+TABLE|ALTER\s+TABLE(?:\s+IF\s+EXISTS)?(?:\s+ONLY)?)\s+
    {_TABLE.replace("schema", "in_schema").replace("name", "renamed")}
    \s+(?:RENAME\s+)?TO\s+(?:{_NAME}\.)?(?P<to>{_NAME})
"""
_NO_STATEMENT = r"""(?xs) (?P<name>"[^"]*"|`[^`]*`) | --[^\n]* | /\*.*?\*/ | '(?:[^']|'')*'"""


class TableName(NamedTuple):
    """A table in a schema; the schema is None if it is the database's default."""

    schema: str | None
    name: str


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
        return name is None or any(
            name == table.schema for tables in _own_tables() for table in tables
        )
    if kind == "table":
        table = parents["schema_name"], name
        return any(table in tables for tables in _own_tables())
    return True


def _own_tables() -> Iterator[frozenset[TableName]]:
    """Yield the tables of the models, then, if still asked, those that revisions have made."""
    yield model_tables(context.get_context())
    # Every revision is read for these: not when a database has nothing but the models' tables.
    yield revision_tables(context.get_context(), context.script)


# Asked for each name in the database.
@lru_cache(maxsize=1)
def model_tables(migration: MigrationContext) -> frozenset[TableName]:
    """Return the tables of the models."""
    tables = Base.metadata.tables.values()
    return _in_default_schema(migration, (TableName(t.schema, t.name) for t in tables))


@lru_cache(maxsize=1)
def revision_tables(migration: MigrationContext, scripts: ScriptDirectory) -> frozenset[TableName]:
    """Return the tables that the revisions have made."""
    return _in_default_schema(migration, created_tables(scripts))


def _in_default_schema(
    migration: MigrationContext, tables: Iterable[TableName]
) -> frozenset[TableName]:
    """Return `tables` with None for the default schema, where it is named."""
    default = migration.dialect.default_schema_name
    return frozenset(
        TableName(None if schema == default else schema, name) for schema, name in tables
    )


def created_tables(scripts: ScriptDirectory) -> set[TableName]:
    """Return the tables that exist after all revisions, read from their files.

    Understood are `create_table`, `drop_table` and `rename_table` with a literal name or a
    constant of the revision's module, and CREATE, DROP and RENAME of a table in what is executed.
    """
    tables: set[TableName] = set()
    for script in reversed(list(scripts.walk_revisions())):
        for call in upgrade_calls(script):
            for is_there, table in _table_changes(call, script):
                (tables.add if is_there else tables.discard)(table)
    return tables


def upgrade_calls(script: Script) -> list[ast.Call]:
    """Return the calls in the revision's file, in their order, but for those of `downgrade`."""
    tree = ast.parse(Path(script.path).read_bytes())
    calls = [
        node
        for part in tree.body
        if not (isinstance(part, ast.FunctionDef) and part.name == "downgrade")
        for node in ast.walk(part)
        if isinstance(node, ast.Call)
    ]
    return sorted(calls, key=lambda call: (call.lineno, call.col_offset))


def _table_changes(call: ast.Call, script: Script) -> Iterator[tuple[bool, TableName]]:
    """Yield each table that `call` makes (True) or removes (False)."""
    keywords = {keyword.arg: _text(keyword.value, script) for keyword in call.keywords}
    names = [
        TableName(keywords.get("schema") or None, _text(argument, script))
        for argument in call.args[:2]
    ]
    match call.func, names:
        case ast.Attribute(attr="create_table"), [made, *_]:
            yield True, made
        case ast.Attribute(attr="drop_table"), [gone, *_]:
            yield False, gone
        case ast.Attribute(attr="rename_table"), [gone, made]:
            yield False, gone
            yield True, made
        case ast.Attribute(attr="execute"), _:
            for node in ast.walk(call):
                yield from _sql_changes(_text(node, script))


def _sql_changes(sql: str) -> Iterator[tuple[bool, TableName]]:
    """Yield each table that the SQL makes (True) or removes (False), in its order."""

    def bare(name: str | None) -> str | None:
        return name and name.strip('"`')

    # Without comments and texts, which may speak of anything.
    statements = re.sub(_NO_STATEMENT, lambda match: match["name"] or " ", sql)
    for found in re.finditer(_SQL, statements):
        if found["verb"]:
            table = TableName(bare(found["schema"]), found["name"].strip('"`'))
            yield found["verb"].upper() == "CREATE", table
        else:
            schema = bare(found["in_schema"])
            yield False, TableName(schema, found["renamed"].strip('"`'))
            yield True, TableName(schema, found["to"].strip('"`'))


def _text(node: ast.AST, script: Script) -> str:
    """Return the text that a literal or a module's constant holds, or "" for anything else."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            value = getattr(script.module, name, "")
            return value if isinstance(value, str) else ""
    return ""
