"""One migrated database for all tests; what a test writes to it is rolled back."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import URL

from {{ cookiecutter.project_slug }}.app import create_app
from {{ cookiecutter.project_slug }}.extensions import db

from . import databases

pytest_plugins = ["migrator.testing"]


@pytest.fixture(scope="session", autouse=True)
def environment() -> Iterator[None]:
    """Run as on a developer's machine, whatever the shell says."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("ENVIRONMENT", "local")
        yield


@pytest.fixture(scope="session")
def app(migrated_database: URL) -> Iterator[Flask]:
    """The app, on a database that the migrations have built."""
    app = create_app(
        {
            "TESTING": True,
            "WTF_CSRF_ENABLED": False,
            "SECRET_KEY": "test",
            "SQLALCHEMY_DATABASE_URI": migrated_database,
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
