"""The new revisions on tables with rows: what an upgrade loses, and what a downgrade loses."""

import re
import warnings
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from itertools import islice, product
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.schema import sort_tables_and_constraints
from sqlalchemy.types import TypeEngine

from ..project import Project, load_project
from ..revisions.base import base_of_branch, head_at
from ..revisions.selecting import listed
from ..revisions.unsafe import is_reviewed

ROWS = 3  # for each table
TRIES = 200  # for each row, with values that the table's CHECKs mention
_LITERAL = re.compile(r"'((?:[^']|'')*)'|(?<![\w.'])(-?\d+(?:\.\d+)?)")
# Other types make a value of a number themselves.
_VALUES: dict[type, Any] = {
    bool: lambda number: number % 2 == 1,
    date: lambda number: date(2000, 1, number),
    datetime: lambda number: datetime(2000, 1, number),
    UUID: lambda number: UUID(int=number),
    bytes: lambda number: bytes([number]),
}

Given = Mapping[str, Mapping[str, Any]]
Rows = dict[str, list[dict[str, Any]]]


def tried_with_rows(
    config: Config, connection: sa.Connection, given: Given
) -> tuple[list[str], list[str]]:
    """Fill the tables of where this branch began; go up, down and up again with its revisions.

    Args:
        config: Alembic's configuration, with this connection.
        connection: to an empty database.
        given: values, by table and column, that cannot be guessed from the schema. A function
            is called with the row's number, from 1 on.

    Returns:
        What upgrades lost whose revisions have no `# reviewed: <why>`; and what else is to be
        known: other losses, and the tables that had no rows.

    Raises:
        SettingsError: git does not tell where this branch began.
        Exception: what a revision raises.
    """
    project = load_project(config)
    starts, new = _new_revisions(ScriptDirectory.from_config(config), project)
    lost: list[str] = []
    notes: list[str] = []
    if not new:
        return lost, notes
    for start in starts:
        command.upgrade(config, start)
    empty = _fill(connection, given, project)
    before = _counts(connection)
    try:
        for script in new:
            command.upgrade(config, script.revision)
            after = _counts(connection)
            (notes if is_reviewed(script.path) else lost).extend(
                _losses(script.revision, before, after)
            )
            before = after
        empty |= _fill(connection, given, project)
        before = _counts(connection)
        for start in starts or ["base"]:
            command.downgrade(config, start)
        notes += _losses("the downgrade", before, _counts(connection))
        command.upgrade(config, "heads")
    except DBAPIError as error:
        error.add_note(
            "This was with rows in the tables: with the values of ROWS, and made-up ones."
        )
        raise
    notes += [f"{table} had no rows: {why}" for table, why in empty.items()]
    return lost, notes


def _new_revisions(scripts: ScriptDirectory, project: Project) -> tuple[list[str], list[Script]]:
    """Return where this branch began, and the revisions that it adds; none after a squash."""
    began = head_at(base_of_branch(), project.section).split()
    starts = listed(project.baseline) if began == ["base"] else began
    if not {script.revision for script in scripts.walk_revisions()}.issuperset(starts):
        return starts, []
    found = scripts.iterate_revisions("heads", tuple(starts), implicit_base=True)
    return starts, [script for script in found if script.revision not in starts][::-1]


def _fill(connection: sa.Connection, given: Given, project: Project) -> dict[str, str]:
    """Put rows into the tables that have none; return those that stay empty, with the reason."""
    empty: dict[str, str] = {}
    rows: Rows = {}
    ordered = sort_tables_and_constraints(_tables(connection))  # type: ignore[no-untyped-call]
    for table in (table for table, _ in ordered if table is not None):
        rows[table.key] = _rows_of(connection, table)
        if rows[table.key] or table.name == project.version_table:
            continue
        for number in range(1, ROWS + 1):
            why = _insert(connection, table, number, given.get(table.key, {}), rows)
            rows[table.key] = _rows_of(connection, table)
            if not rows[table.key]:
                empty[table.key] = why
    connection.commit()
    return empty


def _counts(connection: sa.Connection) -> dict[str, int]:
    """Return how many rows each table has, and how many different values each of its columns."""
    found = {}
    for table in _tables(connection):
        rows = _rows_of(connection, table)
        found[table.key] = len(rows)
        for column in table.columns:
            values = {repr(row[column.name]) for row in rows} - {"None"}
            found[f"{table.key}.{column.name}"] = len(values)
    # Alembic takes a transaction that is open for a program's own.
    connection.rollback()
    return found


def _losses(who: str, before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[str]:
    """Yield a line for each table, and each column of the others, that has less than it had."""
    less = {name: count - after.get(name, 0) for name, count in before.items()}
    for name, count in less.items():
        table = name.rpartition(".")[0]
        if count > 0 and less.get(table, 0) <= 0:
            what = "values" if table in before else "rows"
            yield f"{who} loses {count} of {before[name]} {what} of {name}"


def _tables(connection: sa.Connection) -> list[sa.Table]:
    metadata = sa.MetaData()
    with warnings.catch_warnings():
        # Of types that are not known, and indexes on expressions.
        warnings.simplefilter("ignore")
        metadata.reflect(connection)
    return [*metadata.tables.values()]


def _rows_of(connection: sa.Connection, table: sa.Table) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(sa.select(table)).mappings()]


def _insert(
    connection: sa.Connection, table: sa.Table, number: int, given: Mapping[str, Any], rows: Rows
) -> str:
    """Insert a row; return why that cannot be done, or nothing."""
    reason = ""
    values = _values(table, number, given, rows)
    for variant in islice(_variants(table, values, given), TRIES):
        savepoint = connection.begin_nested()
        try:
            connection.execute(table.insert().values(variant))
        except (DBAPIError, StatementError) as error:
            savepoint.rollback()
            reason = reason or str(error.orig or error).splitlines()[0]
        else:
            savepoint.commit()
            return ""
    return reason


def _values(table: sa.Table, number: int, given: Mapping[str, Any], rows: Rows) -> dict[str, Any]:
    """Return a row; what may be NULL is so in the last one, and what cannot be guessed in all."""
    values: dict[str, Any] = {}
    for column in table.columns:
        is_made = column.server_default or column.computed or column.identity
        if column.name in given:
            value = given[column.name]
            values[column.name] = value(number) if callable(value) else value
        elif not is_made and column is not table.autoincrement_column:
            is_null = column.foreign_keys or (column.nullable and number == ROWS)
            values[column.name] = None if is_null else _value(column.type, column.name, number)
    for key in table.foreign_key_constraints:
        parents = rows.get(key.referred_table.key, [])
        for element in key.elements:
            is_null = element.parent.nullable and number == ROWS
            if parents and not is_null and element.parent.name in values.keys() - given.keys():
                parent = parents[(number - 1) % len(parents)]
                values[element.parent.name] = parent[element.column.name]
    return values


def _value(type_: TypeEngine[Any], name: str, number: int) -> Any:
    """Return a value of a type, another one for each number; None if none is known."""
    match type_:
        case sa.Enum(enums=labels):
            return labels[number % len(labels)]
        case sa.String(length=None):
            # With its quotes it is JSON too, which is text on MariaDB.
            return f'"{number} {name}"'
        case sa.String(length=length):
            return f"{number} {name}"[:length]
        case sa.JSON():
            return {name: number}
        case sa.ARRAY(item_type=item_type):
            return [_value(item_type, name, number)]
    try:
        return _VALUES.get(type_.python_type, type_.python_type)(number)
    except (TypeError, NotImplementedError):
        return None


def _variants(
    table: sa.Table, values: dict[str, Any], given: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield the values of a row, and others that the table's CHECKs may want."""
    yield values
    checks = [str(c.sqltext) for c in table.constraints if isinstance(c, sa.CheckConstraint)]
    literals: list[Any] = []
    for text, digits in _LITERAL.findall(" ".join(checks)):
        literals += [Decimal(digits) + step for step in (0, 1, -1)] if digits else [text]
    words = {*re.findall(r"\w+", " ".join(checks))} - {*given}
    names = [name for name in values if name in words]
    for combination in product(*([values[name], *literals] for name in names)):
        yield {**values, **dict(zip(names, combination, strict=True))}
