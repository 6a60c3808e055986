"""Keeps what Alembic would lose or change when it rebuilds a SQLite table."""

from alembic.operations.batch import ApplyBatchImpl
from alembic.util import CommandError
from sqlalchemy import Connection, Table, text


def keep_computed(batch: ApplyBatchImpl, table: Table) -> None:
    """Let SQLite compute the computed columns of `table`: their values cannot be copied."""
    for column in table.columns:
        if column.computed is not None and column.name in batch.column_transfers:
            batch.column_transfers[column.name].pop("expr", None)


def counter(connection: Connection, table: Table) -> list[str]:
    """Return the SQL that sets the AUTOINCREMENT of `table` to where it is."""
    if not table.dialect_options["sqlite"]["autoincrement"]:
        return []
    name = {"name": table.name}
    last = connection.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = :name"), name)
    literal = table.name.replace("'", "''")
    return [
        f"DELETE FROM sqlite_sequence WHERE name = '{literal}'",
        f"INSERT INTO sqlite_sequence VALUES ('{literal}', {last or 0})",
    ]


def triggers(connection: Connection, table: Table) -> list[str]:
    """Return the SQL of the triggers of `table`."""
    made = "SELECT sql FROM sqlite_master WHERE tbl_name = :name AND type = 'trigger'"
    return [*connection.scalars(text(made), {"name": table.name})]


def refuse_if_referred_to(connection: Connection, table: str) -> None:
    """Stop before `table` is rebuilt with foreign keys on and rows that refer to it.

    On its own connection a migration has them off; a program may hand over one with them on.

    Raises:
        CommandError: ON DELETE CASCADE could delete those rows.
    """
    if not connection.scalar(text("PRAGMA foreign_keys")):
        return
    referring = connection.scalars(
        text("""
            SELECT DISTINCT m.name FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f
            WHERE m.type = 'table' AND lower(f."table") = lower(:name)
        """),
        {"name": table},
    )
    quote = connection.dialect.identifier_preparer.quote
    for name in referring.all():
        if connection.scalar(text(f"SELECT 1 FROM {quote(name)} LIMIT 1")):
            raise CommandError(
                f"Rebuilding {table} may delete rows of {name}, which refers to it: switch foreign"
                " keys off on the connection first, with PRAGMA foreign_keys = OFF."
            )
