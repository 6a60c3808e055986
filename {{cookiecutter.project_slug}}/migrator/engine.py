"""Connections for the migrator: with the app's engine, beside its pool."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from functools import partial
from typing import Any

from alembic.util import CommandError
from sqlalchemy import URL, Connection, Dialect, Engine, SingletonThreadPool, StaticPool, event

from .dialect.engine import CONNECT_ERRORS, check, connect_arguments, reason_of
from .project import Project

# What the connection that a thread is making differs in from the app's own.
_connecting = threading.local()


def migration_url(project: Project) -> URL:
    """Return the URL that migrations use: the owner's, else the app's."""
    return project.owner_url() or project.engine().url


@contextmanager
def connect_as_owner(project: Project, timeout: float | None = None) -> Iterator[Connection]:
    """Yield a connection to migrate with, and close it.

    It has the app's options and events. The owner's URL decides server, database and
    credentials, whatever the app's events say.

    Args:
        project: inside its context.
        timeout: seconds to wait for the server; None waits as long as a migration does.

    Raises:
        CommandError: the database cannot be reached, or refuses; without the password.
    """
    app_engine, url = project.engine(), project.owner_url()
    engine = beside_the_pool(app_engine)
    if url is not None:
        engine.url = url
        # Added last, because the app's own listeners may set credentials.
        _listen(app_engine, _become_owner)
    with connect(engine, timeout, url) as connection:
        yield connection


def beside_the_pool(engine: Engine) -> Engine:
    """Return `engine` with a pool that requests do not use.

    Options, credentials and events stay the same, also those that are added to `engine` later.
    An in-memory database lives in its pool, so that pool is shared.
    """
    _listen(engine, _add_arguments)
    own = copy(engine)
    # An error is printed, and values may be secrets.
    own.hide_parameters = True
    if not isinstance(engine.pool, SingletonThreadPool | StaticPool):
        own.pool = engine.pool.recreate()
    return own


@contextmanager
def connect(
    engine: Engine, timeout: float | None = None, owner: URL | None = None
) -> Iterator[Connection]:
    """Yield a connection of `engine`, and close it.

    Args:
        engine: from `beside_the_pool`.
        timeout: seconds to wait for the server; None waits as long as a migration does.
        owner: connect to this URL instead.

    Raises:
        CommandError: the database cannot be reached, or refuses; without the password.
    """
    try:
        with _open(engine, timeout, owner) as connection:
            # A lock may need a second connection, of the same user.
            connection.info["connect_again"] = partial(_open, engine, timeout, owner)
            yield connection
    finally:
        # Of a failed migration too: its session may hold the lock.
        if not isinstance(engine.pool, SingletonThreadPool | StaticPool):
            engine.dispose()


def _open(engine: Engine, timeout: float | None, owner: URL | None) -> Connection:
    _connecting.arguments = connect_arguments(engine.url, timeout)
    _connecting.owner = owner
    try:
        connection = engine.connect()
        check(connection)
    # A driver raises other errors for an option of the URL that it does not know.
    except (*CONNECT_ERRORS, TypeError, ValueError) as error:
        raise CommandError(reason_of(engine.url, error)) from error
    finally:
        del _connecting.arguments, _connecting.owner
    return connection


def _listen(engine: Engine, listener: Any) -> None:
    if not event.contains(engine, "do_connect", listener):
        event.listen(engine, "do_connect", listener)


def _add_arguments(
    dialect: Dialect, record: object, positional: list[Any], keywords: dict[str, Any]
) -> None:
    """Add to the driver's arguments what this thread's `connect` asks for."""
    keywords |= getattr(_connecting, "arguments", {})


def _become_owner(
    dialect: Dialect, record: Any, positional: list[Any], keywords: dict[str, Any]
) -> None:
    """Replace the URL's part of the driver's arguments, if this thread connects as owner."""
    owner: URL | None = getattr(_connecting, "owner", None)
    if owner is not None:
        for credential in ("user", "password", "passwd"):
            keywords.pop(credential, None)
        owners, named = dialect.create_connect_args(owner)
        positional[:] = owners
        keywords |= named
