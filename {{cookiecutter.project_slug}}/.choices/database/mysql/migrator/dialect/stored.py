"""How MySQL and MariaDB store what the models declare: they are asked, by temporary tables."""

import logging
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex

from ..definitions import Pair

log = logging.getLogger("alembic.autogenerate")

PROBE = "alembic_probe"


def may_ask(connection: sa.Connection) -> bool:
    """Return whether the user may make temporary tables, asked once; say so if not."""
    if PROBE not in connection.info:
        answers: dict[str, Any] = {}
        try:
            connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {PROBE} (probe INTEGER)")
            connection.exec_driver_sql(f"DROP TEMPORARY TABLE {PROBE}")
        except DBAPIError as error:
            reason = error.orig.args[-1] if error.orig is not None else error
            log.warning(
                "Defaults, types and CHECKs in other words are not compared well, without the right"
                " CREATE TEMPORARY TABLES: %s",
                reason,
            )
            answers = {"": None}
        connection.info[PROBE] = answers
    return "" not in connection.info[PROBE]


def stored_column(connection: sa.Connection, column: sa.Column[Any]) -> ReflectedColumn | None:
    """Return what a temporary table with only the model's `column` is reflected as.

    Args:
        connection: to the server; no transaction of its is ended.
        column: no computed one.

    Returns:
        None if the server refuses the column as it is in the model.
    """
    probe = sa.Column(
        "probe",
        column.type.copy(),
        server_default=getattr(column.server_default, "arg", None),
        nullable=column.nullable,
    )
    compiler = connection.dialect.ddl_compiler(connection.dialect, None)  # type: ignore[arg-type]
    # Many columns are alike, as those for the time of creation are.
    answers: dict[str, ReflectedColumn | None] = connection.info[PROBE]
    question = f"CREATE TEMPORARY TABLE {PROBE} ({compiler.get_column_specification(probe)})"
    if question not in answers:
        state = _stored(connection, question)
        answers[question] = state and state.columns[0]
    return answers[question]


def refuse_without_cast(
    connection: sa.Connection, old: sa.Column[Any], new: sa.Column[Any]
) -> None:
    """Stop if the server cannot change the type of a column, or cannot change it back.

    Raises:
        CommandError: it cannot.
    """
    types = [connection.dialect.type_compiler_instance.process(c.type) for c in (old, new)]
    for type_, other in (types, types[::-1]):
        made = f"CREATE TEMPORARY TABLE {PROBE} (probe {type_})"
        changed = f"ALTER TABLE {PROBE} MODIFY probe {other}"
        if _stored(connection, made) and not _stored(connection, made, changed):
            raise CommandError(
                f"{old.table.name}.{old.name}: the server has no cast from {type_} to {other}, which"
                " the revision needs, up or down. Drop the column and add it, or write it by hand."
            )


def stored_otherwise(
    connection: sa.Connection, metadata: sa.MetaData, pairs: list[Pair]
) -> list[Pair]:
    """Return those of `pairs` whose two sides the server stores in different words.

    What the server refuses is not what it has.

    Args:
        connection: to the server; no transaction of its is ended.
        metadata: of the models.
        pairs: of tables that are there.
    """
    if not pairs or not may_ask(connection):
        return []
    default = connection.dialect.default_schema_name
    models = {(table.schema or default, table.name): table for table in metadata.tables.values()}
    found = []
    for pair in pairs:
        there = pair.reflected.table
        model = models[there.schema or default, there.name]
        probe = _stored(connection, *_statements(connection.dialect, model, pair))
        real = _state(connection, there.name, there.schema)
        if probe is None or _content(probe, pair) != _content(real, pair):
            found.append(pair)
    return found


def _statements(dialect: sa.Dialect, table: sa.Table, pair: Pair) -> Iterator[str]:
    """Yield the SQL of a temporary table with the columns of a model and one thing of its."""
    compiler = dialect.ddl_compiler(dialect, None)  # type: ignore[arg-type]
    quote = dialect.identifier_preparer.quote
    items = [
        f"{quote(column.name)} {dialect.type_compiler_instance.process(column.type)}"
        for column in table.columns
        if pair.kind != "computed" or column is not pair.model
    ]
    if pair.kind == "computed":
        items.append(compiler.get_column_specification(pair.model))
    elif pair.kind == "check":
        items.append(compiler.process(pair.model))
    yield f"CREATE TEMPORARY TABLE {PROBE} ({', '.join(items)})"
    if pair.kind == "index":
        made = str(CreateIndex(pair.model).compile(dialect=dialect))
        yield made.replace(f" ON {compiler.preparer.format_table(table)} ", f" ON {PROBE} ", 1)


def _stored(connection: sa.Connection, *statements: str) -> Any:
    """Return what `PROBE`, which `statements` make, is reflected as; None if one is refused."""
    try:
        for statement in statements:
            connection.exec_driver_sql(statement)
        return _state(connection, PROBE, None)
    except DBAPIError:
        return None
    finally:
        connection.exec_driver_sql(f"DROP TEMPORARY TABLE IF EXISTS {PROBE}")


def _state(connection: sa.Connection, table: str, schema: str | None) -> Any:
    """Return the parsed SHOW CREATE TABLE, which has more than what SQLAlchemy reflects."""
    dialect: Any = connection.dialect
    return dialect._parsed_state_or_create(connection, table, schema)


def _content(state: Any, pair: Pair) -> object:
    """Return what of a table's state is compared."""
    name = str(pair.reflected.name)
    items = {"computed": state.columns, "check": state.ck_constraints, "index": state.keys}
    [item] = [item for item in items[pair.kind] if item["name"] == name]
    fields = {
        "computed": ["computed"],
        "check": ["sqltext"],
        "index": ["type", "columns", "parser"],
    }
    return [item.get(field) for field in fields[pair.kind]]
