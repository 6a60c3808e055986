"""The revisions, on a database of their own, and their agreement with the models."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, NullPool, create_engine, inspect

from {{ cookiecutter.project_slug }} import models
from {{ cookiecutter.project_slug }}.database import diagram
from {{ cookiecutter.project_slug }}.revisions import head, unsafe
from {{ cookiecutter.project_slug }}.settings import ROOT

from .conftest import alembic_config


@pytest.fixture
def connection(new_database: Callable[[], URL]) -> Iterator[Connection]:
    """A connection to an empty database."""
    with create_engine(new_database(), poolclass=NullPool).connect() as connection:
        yield connection


def heads() -> list[str]:
    """Return the newest revisions, as Alembic finds them."""
    return ScriptDirectory.from_config(Config(ROOT / "alembic.ini")).get_heads()


def test_there_is_one_head() -> None:
    assert len(heads()) <= 1, "two revisions follow the same one: uv run flask db rebase"


def test_the_head_file_names_the_newest_revision() -> None:
    written = head.HEAD.read_text(encoding="utf-8").strip()
    assert written == ("\n".join(sorted(heads())) or "base"), (
        "alembic/HEAD is out of date: uv run python -m {{ cookiecutter.project_slug }}.revisions.head"
    )


def test_up_down_and_up_again(connection: Connection) -> None:
    config = alembic_config(connection)
    command.upgrade(config, "head")
    tables = inspect(connection).get_table_names()
    command.downgrade(config, "base")
    assert inspect(connection).get_table_names() == ["alembic_version"]
    command.upgrade(config, "head")
    assert inspect(connection).get_table_names() == tables


def test_models_and_migrations_agree(connection: Connection) -> None:
    config = alembic_config(connection)
    command.upgrade(config, "head")
    # Raises, with the differences, when a revision would find something to do.
    command.check(config)


def test_no_revision_breaks_running_code() -> None:
    found = unsafe.findings()
    assert not found, "\n".join(
        [
            *found,
            'README.md, "Change a table in use", has the steps for each. When they are done, end the',
            "line with `# reviewed: <why it is safe>`.",
        ]
    )


def test_the_diagram_shows_the_models() -> None:
    written = diagram.DIAGRAM.read_text(encoding="utf-8") if diagram.DIAGRAM.exists() else ""
    assert written == diagram.text(), "docs/schema.md is out of date: uv run flask db diagram"


def test_every_file_of_models_is_imported() -> None:
    models.import_all_models()
    imported = {getattr(module, "__file__", None) for module in sys.modules.values()}
    files = {str(path) for path in Path(models.__path__[0]).rglob("*.py")}
    assert files <= imported
