"""The connection that migrations run on."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util import CommandError
from sqlalchemy import URL, Connection, NullPool, create_engine
from sqlalchemy.exc import OperationalError


@contextmanager
def connect(url: URL) -> Iterator[Connection]:
    """Yield a connection to the PostgreSQL database that `url` names, and close it.

    Raises:
        CommandError: the server cannot be reached, or refuses; without the password.
    """
    engine = create_engine(
        url,
        poolclass=NullPool,
        # Who looks at pg_stat_activity sees what this is.
        connect_args={"fallback_application_name": "alembic"},
    )
    try:
        connection = engine.connect()
    except OperationalError as error:
        reason = " ".join(str(error.orig).split())
        raise CommandError(
            f"Cannot connect to {url.render_as_string(hide_password=True)}: {reason}"
        ) from error
    with connection:
        yield connection
