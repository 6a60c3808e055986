"""Asks the server how it would store a column of a model."""

from typing import Any

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable, DropTable

NOT_ALLOWED = (1044, 1142)  # the server's numbers for it


def stored_column(connection: sa.Connection, column: sa.Column[Any]) -> ReflectedColumn | None:
    """Return what a temporary table with only the model's `column` is reflected as.

    Args:
        connection: to the server; no transaction of its is ended.
        column: no computed one.

    Returns:
        None if the server refuses the column as it is in the model.
    """
    table = sa.Table(
        "alembic_probe",
        sa.MetaData(),
        sa.Column(
            "probe",
            column.type.copy(),
            server_default=getattr(column.server_default, "arg", None),
            nullable=column.nullable,
        ),
        prefixes=["TEMPORARY"],
    )
    # Many columns are alike, as those for the time of creation are.
    answers: dict[str, ReflectedColumn | None] = connection.info.setdefault(table.name, {})
    question = str(CreateTable(table).compile(dialect=connection.dialect))
    if question not in answers:
        answers[question] = _reflected_column(connection, table)
    return answers[question]


def _reflected_column(connection: sa.Connection, table: sa.Table) -> ReflectedColumn | None:
    try:
        connection.execute(CreateTable(table))
    except DBAPIError as error:
        if error.orig is not None and error.orig.args[0] in NOT_ALLOWED:
            raise CommandError(
                "To compare defaults and types, the database user needs the right CREATE"
                f" TEMPORARY TABLES: {error.orig.args[-1]}"
            ) from error
        return None
    try:
        [column] = sa.inspect(connection).get_columns(table.name)
    finally:
        connection.execute(DropTable(table))
    return column
