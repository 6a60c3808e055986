"""SQLite's tables as their stored SQL has them.

SQLAlchemy 2.1 reflects no collation, no AUTOINCREMENT, no index on an expression, no direction of
an index, and one of two unique constraints on the same columns. A default loses its parentheses,
and a computed column may get what stands behind it. A colon in reflected SQL is taken for a
parameter: CHECK (c <> ':x') becomes CHECK (c <> NULL).
"""

import re
from typing import Any

from sqlalchemy import String, text
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.engine import reflection

from ..rendering import escaped_colons

_QUOTED = r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*` | \[[^\]]*\] """
_TOKEN = re.compile(rf"(?xs) {_QUOTED} | --[^\n]* | /\*.*?\*/ | [^'\"`\[()/-]+ | .")
_NAME = re.compile(rf"(?x) \s* ({_QUOTED} | \w+)")
_COLUMN = rf"{_NAME.pattern} (?i:\s+ASC)? \s*"
_VALUE = r"(?x) \b{} \s* (\(\0*\) | [-+]?\s*[^\s()]+(?:\(\0*\))?)"

_get_columns: Any = SQLiteDialect.get_columns
_get_check_constraints: Any = SQLiteDialect.get_check_constraints
_get_table_options: Any = SQLiteDialect.get_table_options


def correct_reflection() -> None:
    """Have SQLAlchemy reflect from the stored SQL."""
    for function in (
        get_table_options,
        get_columns,
        get_indexes,
        get_unique_constraints,
        get_check_constraints,
    ):
        setattr(SQLiteDialect, function.__name__, function)


@reflection.cache
def get_table_options(self: Any, connection: Any, table: str, schema: Any = None, **kw: Any) -> Any:
    """Return the options of a table, as SQLAlchemy's own method does."""
    options = _get_table_options(self, connection, table, schema, **kw)
    created = self._get_table_sql(connection, table, schema, **kw) or ""
    for item in items(created)[0] if "AUTOINCREMENT" in created.upper() else ():
        if re.search(r"(?i)\bAUTOINCREMENT\b", _outside(item)):
            return {**options, "sqlite_autoincrement": True}
    return options


@reflection.cache
def get_columns(self: Any, connection: Any, table: str, schema: Any = None, **kw: Any) -> Any:
    """Return the columns of a table, as SQLAlchemy's own method does."""
    columns = _get_columns(self, connection, table, schema, **kw)
    created = self._get_table_sql(connection, table, schema, **kw)
    definitions = {name_of(item): item for item in items(created or "")[0]}
    for column in columns:
        definition = definitions.get(column["name"], "")
        default, collation, computed = (
            _value(definition, keyword) for keyword in ("DEFAULT", "COLLATE", "AS")
        )
        if default:
            column["default"] = escaped_colons(default)
        if collation and isinstance(column["type"], String):
            column["type"].collation = name_of(collation)
        if computed and "computed" in column:
            column["computed"]["sqltext"] = escaped_colons(computed[1:-1])
    return columns


@reflection.cache
def get_indexes(self: Any, connection: Any, table: str, schema: Any = None, **kw: Any) -> Any:
    """Return the indexes of a table, as SQLAlchemy's own method does."""
    master = self._format_schema(schema, "sqlite_master")
    made = connection.exec_driver_sql(
        f"SELECT name, sql FROM {master} WHERE type = 'index' AND lower(tbl_name) = lower(?)"
        " AND sql IS NOT NULL ORDER BY name",
        (table,),
    )
    return [_index(name, sql) for name, sql in made]


@reflection.cache
def get_unique_constraints(
    self: Any, connection: Any, table: str, schema: Any = None, **kw: Any
) -> Any:
    """Return the unique constraints of a table, as SQLAlchemy's own method does."""
    uniques = []
    for item in items(self._get_table_sql(connection, table, schema, **kw) or "")[0]:
        outside = _outside(item)
        if named := re.match(r"(?i)(?:CONSTRAINT\s+(\S+)\s+)?UNIQUE\s*\(", outside):
            name = name_of(item[slice(*named.span(1))]) if named[1] else None
            columns = [name_of(column) for column in items(item)[0]]
            uniques.append({"name": name, "column_names": columns})
        elif re.search(r"(?i)\sUNIQUE\b", outside):
            uniques.append({"name": None, "column_names": [name_of(item)]})
    return uniques


@reflection.cache
def get_check_constraints(
    self: Any, connection: Any, table: str, schema: Any = None, **kw: Any
) -> Any:
    """Return the CHECK constraints of a table, as SQLAlchemy's own method does."""
    checks = _get_check_constraints(self, connection, table, schema, **kw)
    return [check | {"sqltext": escaped_colons(check["sqltext"])} for check in checks]


def items(created: str) -> tuple[list[str], str]:
    """Return what a CREATE has between its parentheses, and what it has behind them."""
    outside = _outside(created)
    if "(" not in outside:
        return [], ""
    start = outside.index("(") + 1
    end = outside.index(")", start)
    body = created[start:end]
    found, last = [], 0
    for comma in re.finditer(",", _outside(body) + ","):
        found.append(body[last : comma.start()].strip())
        last = comma.end()
    return found, created[end + 1 :]


def name_of(sql: str) -> str:
    """Return the name that `sql` begins with, without its quotes."""
    found = _NAME.match(sql)
    name = found[1] if found else ""
    if name[:1] in ('"', "'"):
        return name[1:-1].replace(name[0] * 2, name[0])
    return name.strip("`[]")


def _index(name: str, created: str) -> dict[str, Any]:
    parts, behind = items(created)
    columns = [name_of(part) if re.fullmatch(_COLUMN, part) else None for part in parts]
    index: dict[str, Any] = {"name": name, "column_names": columns, "dialect_options": {}}
    if None in columns:
        index["expressions"] = [
            column or escaped_colons(part) for part, column in zip(parts, columns, strict=True)
        ]
    if where := re.sub(r"(?i)^\s*WHERE\s+", "", behind):
        index["dialect_options"]["sqlite_where"] = text(escaped_colons(where))
    return index | {"unique": re.match(r"(?i)\s*CREATE\s+UNIQUE\b", created) is not None}


def _value(definition: str, keyword: str) -> str | None:
    """Return what follows `keyword` in the definition of a column."""
    found = re.search(_VALUE.format(keyword), _outside(definition), re.IGNORECASE)
    return definition[slice(*found.span(1))] if found else None


def _outside(sql: str) -> str:
    """Return `sql` with a blank for each character in quotes, comments and parentheses."""
    depth, parts = 0, []
    for token in _TOKEN.findall(sql):
        depth -= token == ")"
        is_shown = depth == 0 and token[0] not in "'\"`[" and token[:2] not in ("--", "/*")
        parts.append(token if is_shown else "\0" * len(token))
        depth += token == "("
    return "".join(parts)
