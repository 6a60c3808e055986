"""The revisions, on a separate database, and their agreement with the models."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask import Flask
from migrator.commands import diagram
from migrator.dialect.throwaway import COPIES
from migrator.errors import SettingsError
from migrator.kept import Keeper
from migrator.paths import HEAD, INI
from migrator.proof import review, rows
from migrator.revisions.selecting import listed, rival_heads
from sqlalchemy import URL, Connection, NullPool, create_engine, inspect

from {{ cookiecutter.project_slug }} import models
from {{ cookiecutter.project_slug }}.database.migrations import PROJECT

from .conftest import alembic_config

# `python -m migrator.compatibility` runs the other tests, with old code on a new schema.
pytestmark = pytest.mark.schema

# What cannot be guessed from the schema when tables are filled: {"table": {"column": value}}.
# A function is called with the row's number: {"event": {"during": lambda n: Range(n, n + 1)}}.
ROWS: dict[str, dict[str, Any]] = {}


@pytest.fixture
def connection(new_database: Callable[[], URL]) -> Iterator[Connection]:
    """A connection to an empty database."""
    with create_engine(new_database(), poolclass=NullPool).connect() as connection:
        yield connection


@pytest.fixture
def passed(request: pytest.FixtureRequest, keeper: Keeper) -> tuple[str, URL] | None:
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


def heads() -> list[str]:
    """Return the newest revisions, as Alembic finds them."""
    return ScriptDirectory.from_config(Config(INI)).get_heads()


def tables(connection: Connection) -> set[str]:
    """Return the names of the database's tables."""
    names = {*inspect(connection).get_table_names()}
    # Alembic takes a transaction that is open for the test's own, and commits nothing within it.
    connection.rollback()
    return names


def test_no_two_revisions_follow_the_same_one() -> None:
    rivals = rival_heads(ScriptDirectory.from_config(Config(INI)))
    assert not rivals, f"{' and '.join(rivals)} follow the same one: uv run flask db rebase"


def test_the_head_file_names_the_newest_revision() -> None:
    written = HEAD.read_text(encoding="utf-8").strip()
    assert written == ("\n".join(sorted(heads())) or "base"), (
        "alembic/HEAD is out of date: uv run python -m migrator.revisions.head"
    )


def test_up_down_and_up_again(
    started: Connection, passed: tuple[str, URL] | None, keeper: Keeper
) -> None:
    config = alembic_config(started)
    # What is older than the baseline is not judged.
    starts = [passed[0]] if passed else listed(PROJECT.baseline)
    for start in starts:
        command.upgrade(config, start)
    at_start = tables(started) | {PROJECT.version_table}
    command.upgrade(config, "heads")
    at_head = tables(started)
    for start in starts or ["base"]:
        command.downgrade(config, start)
    assert tables(started) == at_start
    command.upgrade(config, "heads")
    assert tables(started) == at_head
    keeper.passed("test_up_down_and_up_again")


def test_new_revisions_keep_the_rows(
    connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        lost, notes = rows.tried_with_rows(alembic_config(connection), connection, ROWS)
    except SettingsError as error:
        pytest.skip(f"git does not tell which revisions are new: {error}")
    if notes:
        with capsys.disabled():
            print("", *notes, sep="\n")
    assert not lost, "\n".join(
        [*lost, "If that is meant, end a line of the revision with `# reviewed: <why>`."]
    )


def test_models_and_migrations_agree(app: Flask) -> None:
    url: URL = app.config["SQLALCHEMY_DATABASE_URI"]
    with create_engine(url, poolclass=NullPool).connect() as connection:
        # Raises, with the differences, when a revision would find something to do.
        command.check(alembic_config(connection))


def test_no_revision_breaks_running_code(started: Connection, keeper: Keeper) -> None:
    found = review.findings(alembic_config(started), started)
    assert not found, "\n".join(
        [
            *found,
            'README.md, "Change a table in use", has the steps for each. When they are done, end the',
            "line with `# reviewed: <why it is safe>`.",
        ]
    )
    keeper.passed("test_no_revision_breaks_running_code")


def test_the_diagram_shows_the_models(app: Flask) -> None:
    written = diagram.DIAGRAM.read_text(encoding="utf-8") if diagram.DIAGRAM.exists() else ""
    with app.app_context():
        drawn = diagram.text(PROJECT.load_metadata())
    assert written == drawn, "docs/schema.md is out of date: uv run flask db diagram"


def test_every_file_of_models_is_imported() -> None:
    models.import_all_models()
    imported = {getattr(module, "__file__", None) for module in sys.modules.values()}
    files = {str(path) for path in Path(models.__path__[0]).rglob("*.py")}
    assert files <= imported
