"""Which tables are the project's: those of its models, and those its revisions have created.

Any other table belongs to somebody else. Its name alone excludes it, before it is reflected, so
autogenerate neither drops it nor spends time on it.
"""

import ast
import re
from collections.abc import Iterable, Iterator, MutableMapping
from functools import lru_cache
from typing import Literal, NamedTuple

from alembic import context
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from ..revisions.reading import Call, texts_with_names, upgrade_calls


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
            name == table.schema for tables in _own_tables(name) for table in tables
        )
    if kind == "table":
        table = parents["schema_name"], name
        return any(table in tables for tables in _own_tables(name or ""))
    return True


def _own_tables(name: str) -> Iterator[frozenset[TableName]]:
    """Yield the tables of the models, then, if they can have `name`, those that revisions have made."""
    yield model_tables(context.get_context())
    # Every revision is parsed for these, which takes long and much memory.
    if revision_words(context.script).issuperset(_words(name)):
        yield revision_tables(context.get_context(), context.script)


# Asked for each name in the database.
@lru_cache(maxsize=1)
def model_tables(migration: MigrationContext) -> frozenset[TableName]:
    """Return the tables of the models."""
    tables = migration.opts["target_metadata"].tables.values()
    return _in_default_schema(migration, (TableName(t.schema, t.name) for t in tables))


@lru_cache(maxsize=1)
def revision_tables(migration: MigrationContext, scripts: ScriptDirectory) -> frozenset[TableName]:
    """Return the tables that the revisions have made."""
    return _in_default_schema(migration, created_tables(scripts))


@lru_cache(maxsize=1)
def revision_words(scripts: ScriptDirectory) -> frozenset[str]:
    """Return the words in which the revisions' tables and schemas have their names."""
    texts = texts_with_names(scripts.walk_revisions())
    return frozenset(word for text in texts for word in _words(text))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


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

    Recognises `create_table`, `drop_table` and `rename_table`, also with `_if_exists` or
    `_if_not_exists` behind them, with a literal name or a constant of the module, in the revision
    or in a function that it calls; and CREATE, DROP and RENAME of a table in `execute`.
    """
    tables: set[TableName] = set()
    for script in reversed(list(scripts.walk_revisions())):
        for call in upgrade_calls(script):
            for is_there, table in _table_changes(call):
                (tables.add if is_there else tables.discard)(table)
    return tables


def _table_changes(call: Call) -> Iterator[tuple[bool, TableName]]:
    """Yield each table that `call` makes (True) or removes (False)."""
    keywords = {keyword.arg: call.text(keyword.value) for keyword in call.node.keywords}
    schema = keywords.get("schema") or None
    names = [TableName(schema, call.text(argument)) for argument in call.node.args[:2]]
    # A helper's own arguments may come first: the connection, as a rule.
    named = [table for table in names if table.name][:1]
    match call.function, names:
        case "create_table", [made, *_]:
            yield True, made
        case "drop_table", [gone, *_]:
            yield False, gone
        case "rename_table", [gone, made]:
            yield False, gone
            yield True, made
        case "create_table_if_not_exists", _ if named:
            yield True, named[0]
        case "drop_table_if_exists", _ if named:
            yield False, named[0]
        case "execute", _:
            for node in ast.walk(call.node):
                yield from _sql_changes(call.text(node))


_NAME = r'(?:"[^"]+"|`[^`]+`|\w++)'
_COMMENT_OR_TEXT = r"--[^\n]* | /\*.*?\*/ | '(?:[^']|'')*'"
_QUOTED_NAME = r'"[^"]*" | `[^`]*`'
# A partition goes with its table, which has to be in the models.
_CREATE_OR_DROP = rf"""
    \b(?P<verb>CREATE|DROP) \s+ (?:UNLOGGED\s+)? TABLE \s+ (?:IF\s+(?:NOT\s+)?EXISTS\s+)?
    (?:(?P<schema>{_NAME})\.)? (?P<name>{_NAME}) (?! \s+PARTITION\s+OF\b)
"""
_RENAME = rf"""
    \b(?: RENAME\s+TABLE | ALTER\s+TABLE (?:\s+IF\s+EXISTS)? (?:\s+ONLY)? ) \s+
    (?:(?P<old_schema>{_NAME})\.)? (?P<old>{_NAME}) \s+
    (?:RENAME\s+)? TO \s+ (?:{_NAME}\.)? (?P<new>{_NAME})
"""


def _sql_changes(sql: str) -> Iterator[tuple[bool, TableName]]:
    """Yield each table that the SQL makes (True) or removes (False), in its order."""
    # Comments and texts can mention any table.
    statements = re.sub(
        f"(?xs) (?P<name>{_QUOTED_NAME}) | {_COMMENT_OR_TEXT}",
        lambda match: match["name"] or " ",
        sql,
    )
    for found in re.finditer(f"(?xi) {_CREATE_OR_DROP} | {_RENAME}", statements):
        parts = {part: (value or "").strip('"`') for part, value in found.groupdict().items()}
        if found["verb"]:
            table = TableName(parts["schema"] or None, parts["name"])
            yield found["verb"].upper() == "CREATE", table
        else:
            schema = parts["old_schema"] or None
            yield False, TableName(schema, parts["old"])
            yield True, TableName(schema, parts["new"])
