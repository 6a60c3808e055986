"""The connection that migrations run on."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util import CommandError
from sqlalchemy import URL, Connection, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from .parsing import masked


@contextmanager
def connect(url: URL, timeout: int | None = None) -> Iterator[Connection]:
    """Yield a connection to the PostgreSQL database that `url` names, and close it.

    Args:
        url: the database.
        timeout: seconds, 2 at least, to wait for the connection and for what is sent on it to
            arrive; None is as long as it takes.

    Raises:
        CommandError: the server cannot be reached, or refuses; without the password.
    """
    # Who looks at pg_stat_activity sees what this is.
    connect_args: dict[str, object] = {"fallback_application_name": "alembic"}
    if timeout is not None:
        connect_args |= {"connect_timeout": timeout, "tcp_user_timeout": timeout * 1000}
    # Values may be secrets, and an error is printed.
    engine = create_engine(url, poolclass=NullPool, connect_args=connect_args, hide_parameters=True)
    try:
        connection = engine.connect()
    # An option of the URL that the driver does not know, or of a wrong type, is one of these.
    except (DBAPIError, TypeError, ValueError) as error:
        reason = " ".join(str(getattr(error, "orig", error)).split())
        raise CommandError(f"Cannot connect to {masked(url)}: {reason}") from error
    with connection:
        yield connection
