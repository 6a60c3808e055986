"""A pytest plugin: the databases of a project's tests, which `tests/conftest.py` asks for.

The migrated one is kept in `.pytest_cache`, copied, and upgraded when there is a new revision.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, NullPool, create_engine

from . import kept
from .dialect.throwaway import COPIES
from .errors import SettingsError
from .paths import INI
from .project import load_project
from .proof import throwaway
from .proof.throwaway import alembic_config, upgrade

__all__ = ["alembic_config"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an option to pytest."""
    text = "build the database by all revisions, as CI does, not by those that are new"
    parser.addoption("--from-empty", action="store_true", help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Have what was kept built again, once, if that is asked for."""
    folder = _kept_folder(config)
    if folder and config.getoption("--from-empty") and not hasattr(config, "workerinput"):
        kept.distrust(folder)


@pytest.fixture(scope="session", autouse=True)
def revisions_read_once() -> Iterator[None]:
    """Import the revisions once; each of Alembic's commands would do so again."""
    read = ScriptDirectory.from_config
    once = cache(lambda file, section: read(Config(file, ini_section=section)))

    def from_config(config: Config) -> ScriptDirectory:
        scripts: ScriptDirectory = once(config.config_file_name, config.config_ini_section)
        return scripts

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(ScriptDirectory, "from_config", from_config)
        yield


@pytest.fixture(scope="session")
def base_url(pytestconfig: pytest.Config) -> Iterator[URL]:
    """Where databases are made."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(throwaway.server(_kept_folder(pytestconfig)))
        except SettingsError as error:
            pytest.exit(str(error), 2)
        yield url


@pytest.fixture(scope="session")
def new_database(base_url: URL) -> Iterator[Callable[..., URL]]:
    """Makes a database at each call, empty or a copy; all are dropped after the last test."""
    with ExitStack() as stack:

        def new(source: URL | None = None) -> URL:
            try:
                return stack.enter_context(throwaway.empty_database(base_url, source))
            except SettingsError as error:
                pytest.exit(str(error), 2)

        yield new


@pytest.fixture(scope="session")
def keeper(base_url: URL, pytestconfig: pytest.Config) -> kept.Keeper:
    """Keeps migrated databases for the next run; not on a server that may be anybody's."""
    is_foreign = COPIES and throwaway.VARIABLE in os.environ
    folder = None if is_foreign else _kept_folder(pytestconfig)
    return kept.Keeper(folder, base_url, load_project(Config(INI)).package)


@pytest.fixture(scope="session")
def migrated_database(new_database: Callable[..., URL], keeper: kept.Keeper) -> URL:
    """The URL of a database that the revisions have built."""
    return keeper.migrated(new_database, upgrade)


@pytest.fixture
def connection(new_database: Callable[..., URL]) -> Iterator[Connection]:
    """A connection to an empty database."""
    with create_engine(new_database(), poolclass=NullPool).connect() as connection:
        yield connection


@pytest.fixture
def passed(request: pytest.FixtureRequest, keeper: kept.Keeper) -> tuple[str, URL] | None:
    """The revision that has passed this test before, and a kept database at it."""
    return keeper.start(request.node.name)


@pytest.fixture
def started(
    new_database: Callable[..., URL], passed: tuple[str, URL] | None
) -> Iterator[Connection]:
    """A connection to a database with the revisions that have passed this test before."""
    url = new_database(passed[1] if passed and COPIES else None)
    with create_engine(url, poolclass=NullPool).connect() as connection:
        if passed and not COPIES:
            command.upgrade(alembic_config(connection), passed[0])
        yield connection


def _kept_folder(config: pytest.Config) -> Path | None:
    """Return where databases are kept; None without pytest's cache."""
    found: pytest.Cache | None = getattr(config, "cache", None)
    return found.mkdir("schema") if found else None
