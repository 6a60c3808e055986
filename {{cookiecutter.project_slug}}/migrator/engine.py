"""Connections for the migrator: with the app's engine, beside its pool."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

from alembic.util import CommandError
from sqlalchemy import Connection, Engine, SingletonThreadPool, StaticPool, event

from .dialect.engine import CONNECT_ERRORS, check, connect_arguments, reason_of

_connecting = threading.local()


def beside_the_pool(engine: Engine) -> Engine:
    """Return `engine` with a pool that requests do not use.

    Options, credentials and events stay the same, also those that are added to `engine` later.
    An in-memory database lives in its pool, so that pool is shared.

    Args:
        engine: the app's, or one made for migrations.
    """
    if not event.contains(engine, "do_connect", _add_arguments):
        event.listen(engine, "do_connect", _add_arguments)
    own = copy(engine)
    # An error is printed, and values may be secrets.
    own.hide_parameters = True
    if not isinstance(engine.pool, SingletonThreadPool | StaticPool):
        own.pool = engine.pool.recreate()
    return own


@contextmanager
def connect(engine: Engine, timeout: float | None = None) -> Iterator[Connection]:
    """Yield a connection of `engine`, beside its pool, and close it.

    Args:
        engine: as `Project.engine` returns it, or what `beside_the_pool` made of it.
        timeout: seconds to wait for the server; None waits as long as a migration does.

    Raises:
        CommandError: the database cannot be reached, or refuses; without the password.
    """
    own = beside_the_pool(engine)
    _connecting.arguments = connect_arguments(engine.url, timeout)
    try:
        connection = own.connect()
        check(connection)
    # A driver raises other errors for an option of the URL that it does not know.
    except (*CONNECT_ERRORS, TypeError, ValueError) as error:
        raise CommandError(reason_of(engine.url, error)) from error
    finally:
        _connecting.arguments = {}
    try:
        with connection:
            yield connection
    finally:
        if own.pool is not engine.pool:
            own.dispose()


def _add_arguments(
    dialect: object, record: object, positional: list[Any], keywords: dict[str, Any]
) -> None:
    """Add to the driver's arguments what this thread's `connect` asks for."""
    keywords |= getattr(_connecting, "arguments", {})
