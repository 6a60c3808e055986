"""What a load balancer is told: that the process serves, and that its database fits it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from alembic import command
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import URL, Connection, NullPool, create_engine, text

from {{ cookiecutter.project_slug }}.app import create_app
from {{ cookiecutter.project_slug }}.database.migrations import PROJECT

from .conftest import alembic_config


@pytest.fixture
def connection(new_database: Callable[[], URL]) -> Iterator[Connection]:
    """A connection to a database of the test's own, in which nothing but a revision is noted."""
    with create_engine(new_database(), poolclass=NullPool).connect() as connection:
        command.stamp(alembic_config(connection), "heads")
        yield connection


def ask(url: URL, **overrides: Any) -> tuple[int, Any]:
    """Return what /readyz answers on the database `url`."""
    overrides |= {"SQLALCHEMY_DATABASE_URI": url, "SECRET_KEY": "test"}
    answer = create_app(overrides).test_client().get("/readyz")
    return answer.status_code, answer.json


def test_healthz_answers(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "ok"}


def test_a_migrated_database_is_ready(app: Flask) -> None:
    assert ask(app.config["SQLALCHEMY_DATABASE_URI"]) == (200, {"status": "up to date"})


def test_a_database_of_a_newer_release_is_ready_unless_configured(connection: Connection) -> None:
    connection.execute(text(f"DELETE FROM {PROJECT.version_table}"))
    version = f"INSERT INTO {PROJECT.version_table} VALUES ('of_a_newer_release')"
    connection.execute(text(version))
    connection.commit()
    status, answer = ask(connection.engine.url)
    assert (status, answer["status"]) == (200, "ahead")
    assert "newer release" in answer["warning"]
    refused = ask(connection.engine.url, READY_WHEN_AHEAD=False)
    assert refused == (503, {"status": "ahead"})


def test_a_database_that_is_not_there_is_not_ready(app: Flask) -> None:
    url: URL = app.config["SQLALCHEMY_DATABASE_URI"]
    missing = url.set(database="/no/such/database")
    assert ask(missing) == (503, {"status": "unreachable"})
