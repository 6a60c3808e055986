"""Tests of a generated project: what one costs above an empty one, and the whole suite, cold.

A test writes a note and commits it, which is a savepoint within the transaction that is rolled back
after the test; another one does so through the app's pages, in two requests. Where the test builds a
database of its own by the migrations instead, as without the fixtures, is the peer. Cold: the project
has no bytecode and no cache; PostgreSQL's own server is started, MariaDB's runs.

With a history of 500 revisions, a second run finds the migrated database of the first one, and copies
it. MariaDB copies no database: there, a second run takes no revision down again. A first run, as in CI,
is compared with the tests of commit 5e69c12, which built four databases by all revisions.

Of a first run with 500 revisions on PostgreSQL and MariaDB, 2.3 and 2.5 s are the test that measures what
revisions lock (pytest --durations; the project is no git repository here, so all are new). 5e69c12 did not
have that test, and SQLite has none.
"""

import shutil
from collections.abc import Iterator

from tests.projects import DATABASES, SLUG, Project

from ..lines import Line
from ..measuring import CPU, WALL, Measure, Side, command, in_turn
from ..schemas import write_history
from ..workshop import Workshop

# Many, as a process takes 30 ms more or less each time; few of those that take long.
MANY, FEW = 500, 20
TESTS = f"""
import pytest
from alembic import command
from flask import Flask
from flask.testing import FlaskClient
from migrator.testing import alembic_config
from sqlalchemy import NullPool, create_engine

from {SLUG}.extensions import db
from {SLUG}.models.note import Note


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
    assert "milk" in client.get("/notes/").text


@pytest.mark.parametrize("number", range({FEW}))
def test_few(app: Flask, number: int) -> None:
    pass


@pytest.mark.parametrize("number", range({FEW}))
def test_upgrade(app: Flask, new_database, number: int) -> None:
    with create_engine(new_database(), poolclass=NullPool).connect() as connection:
        command.upgrade(alembic_config(connection), "head")
"""
TARGETS = {"sqlite": 2, "postgresql": 6, "mysql": None}
HISTORY = 500
OF_ONE_REVISION = {"sqlite": 2.0, "postgresql": 2.0, "mysql": None}
BEFORE = "5e69c12"


def lines(workshop: Workshop) -> Iterator[Line]:
    """Yield the lines of each database."""
    for database in DATABASES:
        project = workshop.ours(database)
        if database != "sqlite":
            project.environment["TEST_DATABASE_URL"] = project.url
        yield from _one_test(workshop, project)
    for database in DATABASES:
        yield _whole_suite(workshop, database)
    for database in DATABASES:
        yield from _long_history(workshop, database)


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


def _long_history(workshop: Workshop, database: str) -> Iterator[Line]:
    """Yield a line for the second run, and one for the first."""
    long, short = (_with_history(workshop, database, count) for count in (HISTORY, 1))
    before = _with_history(workshop, database, HISTORY, BEFORE)

    def side(name: str, project: Project, *words: str) -> Side:
        run = command(project, "pytest", *words)

        def seconds() -> Measure:
            measure = run()
            return {f"s {unit[3:]}": measure[unit] / 1000 for unit in (WALL, CPU)}

        return Side(name, seconds)

    runs = in_turn(
        [
            side("long", long),
            side("short", short),
            side("first", long, "--from-empty"),
            side("before", before),
        ],
        workshop.rounds,
    )
    what = f"a project's tests, {HISTORY} revisions, {database}"
    target = OF_ONE_REVISION[database]
    yield Line.of(f"{what}: second run", runs["long"], "1 revision", runs["short"], target)
    yield Line.of(f"{what}: nothing kept", runs["first"], f"at {BEFORE}", runs["before"], 0.80)


def _with_history(
    workshop: Workshop, database: str, count: int, commit: str | None = None
) -> Project:
    project = workshop.ours(database, example=False, commit=commit)
    if database == "mysql":
        project.environment["TEST_DATABASE_URL"] = project.url
    write_history(project, count)
    return project
