"""Mends how SQLAlchemy 2.1 reads SHOW CREATE TABLE.

It loses a default that is an expression, and all that follows in the line. For MariaDB's JSON, which
is LONGTEXT with a CHECK, it loses the CHECK; and of an index, DESC.
"""

import re
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects.mysql import JSON
from sqlalchemy.dialects.mysql.base import MySQLDialect
from sqlalchemy.dialects.mysql.reflection import MySQLTableDefinitionParser
from sqlalchemy.engine.interfaces import ReflectedIndex

_parse_column = MySQLTableDefinitionParser._parse_column
_get_indexes = MySQLDialect.get_indexes

_TOKEN = r"(?:'(?:''|\\.|[^'\\])*'|`(?:``|[^`])*`|[^'`])"
_DEFAULT = re.compile(
    rf"(?P<before>{_TOKEN}+? DEFAULT )(?P<default>{_TOKEN}+?)"
    r"(?P<after>(?: COMMENT '(?:''|[^'])*')?(?: /\*!.*\*/)?(?: CHECK \(.*\))?,?)"
)
# SQLAlchemy reads these.
_SIMPLE = re.compile(r"'(?:''|[^'])*'|[-\w.]+(?:\(\d*\))?(?: ON UPDATE [\w.()]+)?")


def apply() -> None:
    """Replace SQLAlchemy's methods."""
    MySQLDialect.get_indexes = get_indexes  # type: ignore[method-assign]
    MySQLTableDefinitionParser._parse_column = parse_column  # type: ignore[method-assign]


def parse_column(self: MySQLTableDefinitionParser, line: str, state: Any) -> None:
    """Read the line of a column into `state`."""
    found = _DEFAULT.fullmatch(line)
    if found and not _SIMPLE.fullmatch(found["default"]):
        _parse_column(self, f"{found['before']}NULL{found['after']}", state)
        state.columns[-1]["default"] = found["default"]
    else:
        _parse_column(self, line, state)
    column = state.columns[-1]
    if re.search(rf" CHECK \(json_valid\(`{re.escape(column['name'])}`\)\),?$", line):
        column["type"] = JSON()


def get_indexes(
    self: MySQLDialect,
    connection: Connection,
    table_name: str,
    schema: str | None = None,
    **options: Any,
) -> list[ReflectedIndex]:
    """Return the indexes of a table, with the columns that are in descending order."""
    indexes = _get_indexes(self, connection, table_name, schema, **options)
    state = self._parsed_state_or_create(connection, table_name, schema, **options)
    keys = {key["name"]: key["columns"] for key in state.keys}
    for index in indexes:
        descending = {name: ("desc",) for name, _, order in keys[index["name"]] if order == "DESC"}
        if descending:
            index["column_sorting"] = descending
    return indexes
