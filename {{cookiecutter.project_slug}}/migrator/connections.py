"""Whether the database has enough connections for the processes that serve."""

from alembic.util import CommandError
from sqlalchemy import Engine, QueuePool
from sqlalchemy.exc import SQLAlchemyError

from .dialect.server import most_connections
from .engine import beside_the_pool, connect

TIMEOUT = 2  # seconds that the server has for each step


def shortage(engine: Engine, processes: int, threads: int) -> str | None:
    """Return a sentence if a server may open more connections than its database allows.

    Each thread holds one of the pool's connections at most, and /readyz has one in each process.

    Args:
        engine: the app's engine.
        processes: how many processes serve.
        threads: how many requests each of them works on at a time.

    Returns:
        None if the connections suffice, or the database has no limit or does not answer.
    """
    each = threads
    match engine.pool:
        # -1 stands for no limit.
        case QueuePool(_max_overflow=overflow) as pool if overflow >= 0:
            each = min(threads, pool.size() + overflow)
    needed = processes * (each + 1)
    try:
        with connect(beside_the_pool(engine), TIMEOUT) as connection:
            most = most_connections(connection)
    except (CommandError, SQLAlchemyError):
        # /readyz says so.
        return None
    if most is None or needed <= most:
        return None
    return (
        f"{processes} processes with {each} connections each, and one for /readyz, are {needed}, but"
        f" the database allows {most}: lower WEB_CONCURRENCY or pool_size, or allow more."
    )
