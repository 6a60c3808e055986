"""The connection that migrations run on."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util import CommandError
from sqlalchemy import URL, Connection, NullPool, create_engine
from sqlalchemy.exc import OperationalError


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
        connection = create_engine(url, poolclass=NullPool, connect_args=connect_args).connect()
    except OperationalError as error:
        reason = error.orig.args[-1] if error.orig else error
        raise CommandError(
            f"Cannot connect to {url.render_as_string(hide_password=True)}: {reason}"
        ) from error
    with connection:
        yield connection
