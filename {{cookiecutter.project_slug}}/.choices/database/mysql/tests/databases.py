"""What the tests do differently on each database."""

from sqlalchemy import Connection


def begin(connection: Connection) -> None:
    """Begin a transaction."""
    connection.begin()
