"""One migrated database for all tests; what a test writes to it is rolled back."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from alembic import command
from alembic.config import Config
from flask import Flask
from flask.testing import FlaskClient
from migrator.errors import SettingsError
from migrator.paths import INI
from migrator.proof import throwaway
from sqlalchemy import URL, Connection, NullPool, create_engine

from {{ cookiecutter.project_slug }}.app import create_app
from {{ cookiecutter.project_slug }}.extensions import db

from . import databases


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


@pytest.fixture(scope="session")
def new_database() -> Iterator[Callable[[], URL]]:
    """Makes an empty database at each call; all are dropped after the last test."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(throwaway.server())
        except SettingsError as error:
            pytest.exit(str(error), 2)
        yield lambda: stack.enter_context(throwaway.empty_database(url))


@pytest.fixture(scope="session")
def app(new_database: Callable[[], URL]) -> Iterator[Flask]:
    """The app, on a database that the migrations have built."""
    url = new_database()
    with create_engine(url, poolclass=NullPool).connect() as connection:
        command.upgrade(alembic_config(connection), "heads")
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
