"""What the tests do differently on each database."""

from sqlalchemy import Connection


def begin(connection: Connection) -> None:
    """Begin a transaction; left to itself, sqlite3 would begin none for a savepoint."""
    connection.exec_driver_sql("BEGIN")
