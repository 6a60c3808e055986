"""One migrated database for all tests; what a test writes to it is rolled back.

It is kept in `.pytest_cache`, copied, and upgraded when there is a new revision.
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
from flask import Flask
from flask.testing import FlaskClient
from migrator import kept
from migrator.dialect.throwaway import COPIES
from migrator.errors import SettingsError
from migrator.paths import INI
from migrator.proof import throwaway
from sqlalchemy import URL, Connection, NullPool, create_engine

from {{ cookiecutter.project_slug }}.app import create_app
from {{ cookiecutter.project_slug }}.database import Base
from {{ cookiecutter.project_slug }}.extensions import db

from . import databases


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an option to pytest."""
    text = "build the database by all revisions, as CI does, not by those that are new"
    parser.addoption("--from-empty", action="store_true", help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Have what was kept built again, once, if that is asked for."""
    folder = kept_folder(config)
    if folder and config.getoption("--from-empty") and not hasattr(config, "workerinput"):
        kept.distrust(folder)


def kept_folder(config: pytest.Config) -> Path | None:
    """Return where databases are kept; None without pytest's cache."""
    found: pytest.Cache | None = getattr(config, "cache", None)
    return found.mkdir("schema") if found else None


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration for commands on `connection`."""
    config = Config(INI)
    config.attributes["connection"] = connection
    return config


@pytest.fixture(scope="session", autouse=True)
def environment() -> Iterator[None]:
    """Run as on a developer's machine, whatever the shell says."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("ENVIRONMENT", "local")
        yield


@pytest.fixture(scope="session", autouse=True)
def revisions_read_once() -> Iterator[None]:
    """Import the revisions once; each of Alembic's commands would do so again."""
    read = ScriptDirectory.from_config
    once = cache(lambda file, section: read(Config(file, ini_section=section)))

    def from_config(config: Config) -> ScriptDirectory:
        return once(config.config_file_name, config.config_ini_section)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(ScriptDirectory, "from_config", from_config)
        yield


@pytest.fixture(scope="session")
def base_url(pytestconfig: pytest.Config) -> Iterator[URL]:
    """Where databases are made."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(throwaway.server(kept_folder(pytestconfig)))
        except SettingsError as error:
            pytest.exit(str(error), 2)
        yield url


@pytest.fixture(scope="session")
def new_database(base_url: URL) -> Iterator[Callable[..., URL]]:
    """Makes a database at each call, empty or a copy; all are dropped after the last test."""
    with ExitStack() as stack:
        yield lambda source=None: stack.enter_context(throwaway.empty_database(base_url, source))


@pytest.fixture(scope="session")
def keeper(base_url: URL, pytestconfig: pytest.Config) -> Iterator[kept.Keeper]:
    """Keeps migrated databases for the next run; not on a server that may be anybody's."""
    is_foreign = COPIES and throwaway.VARIABLE in os.environ
    folder = None if is_foreign else kept_folder(pytestconfig)
    package = Base.__module__.partition(".")[0]
    with kept.opened(folder, base_url, package, Base.metadata.naming_convention) as keeper:
        yield keeper


def upgrade(url: URL) -> None:
    """Run the revisions that a database lacks."""
    with create_engine(url, poolclass=NullPool).connect() as connection:
        command.upgrade(alembic_config(connection), "heads")


@pytest.fixture(scope="session")
def app(new_database: Callable[..., URL], keeper: kept.Keeper) -> Iterator[Flask]:
    """The app, on a database that the migrations have built."""
    url = new_database(keeper.at_head(upgrade) if COPIES else None)
    if not COPIES:
        upgrade(url)
    app = create_app(
        {
            "TESTING": True,
            "WTF_CSRF_ENABLED": False,
            "SECRET_KEY": "test",
            "SQLALCHEMY_DATABASE_URI": url,
        }
    )
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def client(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """A browser, inside a transaction that is rolled back after the test."""
    with app.app_context(), db.engine.connect() as connection:
        databases.begin(connection)
        # A commit in the app then ends a savepoint only.
        db.session.configure(join_transaction_mode="create_savepoint")
        monkeypatch.setitem(db.engines, None, connection)
        yield app.test_client()
        db.session.remove()
        connection.rollback()
