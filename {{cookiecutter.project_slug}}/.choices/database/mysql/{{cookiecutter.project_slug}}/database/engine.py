"""The connection that migrations run on."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util import CommandError
from sqlalchemy import URL, Connection, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from .parsing import masked


@contextmanager
def connect(url: URL, timeout: int | None = None) -> Iterator[Connection]:
    """Yield a connection to the MySQL or MariaDB database that `url` names, and close it.

    Args:
        url: the database.
        timeout: seconds to wait for each of the server's answers; None is as long as it takes.

    Raises:
        CommandError: the server cannot be reached, or refuses; without the password.
    """
    limits = ("connect_timeout", "read_timeout", "write_timeout")
    connect_args = {} if timeout is None else dict.fromkeys(limits, timeout)
    try:
        # Values may be secrets, and an error is printed.
        engine = create_engine(
            url, poolclass=NullPool, connect_args=connect_args, hide_parameters=True
        )
        connection = engine.connect()
    # An option of the URL that the driver does not know, or of a wrong type, is one of these.
    except (DBAPIError, AttributeError, OSError, TypeError, ValueError) as error:
        reason = error.orig.args[-1] if isinstance(error, DBAPIError) and error.orig else error
        raise CommandError(f"Cannot connect to {masked(url)}: {reason}") from error
    with connection:
        yield connection
