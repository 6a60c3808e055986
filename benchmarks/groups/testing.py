"""Tests of a generated project: what one costs above an empty one, and the whole suite, cold.

A test writes a note and commits it, which is a savepoint within the transaction that is rolled back
after the test; another one does so through the app's pages, in two requests. Where the test builds a
database of its own by the migrations instead, as without the fixtures, is the peer. Cold: the project
has no bytecode and no cache; PostgreSQL's own server is started, MariaDB's runs.
"""

import shutil
from collections.abc import Iterator

from tests.projects import DATABASES, SLUG, Project

from ..lines import Line
from ..measuring import CPU, WALL, Measure, Side, command, in_turn
from ..workshop import Workshop

# Many, as a process takes 30 ms more or less each time; few of those that take long.
MANY, FEW = 500, 20
TESTS = f"""
import pytest
from alembic import command
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import NullPool, create_engine

from {SLUG}.extensions import db
from {SLUG}.models.note import Note

from .conftest import alembic_config


@pytest.mark.parametrize("number", range({MANY}))
def test_empty(app: Flask, number: int) -> None:
    pass


@pytest.mark.parametrize("number", range({MANY}))
def test_write(client: FlaskClient, number: int) -> None:
    db.session.add(Note(text="milk"))
    db.session.commit()


@pytest.mark.parametrize("number", range({MANY}))
def test_pages(client: FlaskClient, number: int) -> None:
    client.post("/notes/", data={{"text": "milk"}})
    assert client.get("/notes/").text.count("milk") == 1


@pytest.mark.parametrize("number", range({FEW}))
def test_few(app: Flask, number: int) -> None:
    pass


@pytest.mark.parametrize("number", range({FEW}))
def test_upgrade(app: Flask, new_database, number: int) -> None:
    with create_engine(new_database(), poolclass=NullPool).connect() as connection:
        command.upgrade(alembic_config(connection), "head")
"""
TARGETS = {"sqlite": 2, "postgresql": 6, "mysql": None}


def lines(workshop: Workshop) -> Iterator[Line]:
    """Yield the lines of each database."""
    for database in DATABASES:
        project = workshop.ours(database)
        if database != "sqlite":
            project.environment["TEST_DATABASE_URL"] = project.url
        yield from _one_test(workshop, project)
    for database in DATABASES:
        yield _whole_suite(workshop, database)


def _one_test(workshop: Workshop, project: Project) -> Iterator[Line]:
    (project.path / "tests" / "test_many.py").write_text(TESTS, encoding="utf-8")
    runs = in_turn(
        [
            Side(name, command(project, "pytest", "tests/test_many.py", "-q", "-k", f"test_{name}"))
            for name in ("empty", "write", "pages", "few", "upgrade")
        ],
        workshop.rounds,
    )

    def above(name: str, empty: str, count: int) -> list[Measure]:
        return [
            {f"{unit} a test": (run[unit] - other[unit]) / count for unit in (WALL, CPU)}
            for run, other in zip(runs[name], runs[empty], strict=True)
        ]

    database = project.database
    write = above("write", "empty", MANY)
    upgrade = above("upgrade", "few", FEW)
    yield Line.of(
        f"a test that commits a row, above an empty one, {database}",
        write,
        target=TARGETS[database],
    )
    yield Line.of(
        f"a test that commits a row, above an empty one, {database}",
        write,
        "an upgrade per test",
        upgrade,
    )
    yield Line.of(
        f"a test of two requests, above an empty one, {database}", above("pages", "empty", MANY)
    )


def _whole_suite(workshop: Workshop, database: str) -> Line:
    project = workshop.ours(database)
    if database == "mysql":
        project.environment["TEST_DATABASE_URL"] = project.url

    def cool() -> None:
        for folder in [*project.path.rglob("__pycache__"), project.path / ".pytest_cache"]:
            shutil.rmtree(folder, ignore_errors=True)

    runs = in_turn([Side("suite", command(project, "pytest", before=cool))], workshop.rounds)
    suite = [{"s wall": run[WALL] / 1000, "s CPU": run[CPU] / 1000} for run in runs["suite"]]
    return Line.of(f"a new project's tests, cold, {database}", suite, target=6)
