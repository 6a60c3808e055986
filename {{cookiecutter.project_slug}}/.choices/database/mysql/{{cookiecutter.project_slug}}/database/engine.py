"""The connection that migrations run on."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util import CommandError
from sqlalchemy import URL, Connection, NullPool, create_engine
from sqlalchemy.exc import OperationalError


@contextmanager
def connect(url: URL) -> Iterator[Connection]:
    """Yield a connection to the MySQL or MariaDB database that `url` names, and close it.

    Raises:
        CommandError: the server cannot be reached, or refuses; without the password.
    """
    try:
        connection = create_engine(url, poolclass=NullPool).connect()
    except OperationalError as error:
        reason = error.orig.args[-1] if error.orig else error
        raise CommandError(
            f"Cannot connect to {url.render_as_string(hide_password=True)}: {reason}"
        ) from error
    with connection:
        yield connection
