"""Backfilling in batches: complete, resumable, and nobody waits for long."""

import sqlite3
import time

import pytest

from .projects import Project

TABLE = """
op.create_table("author", sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
    sa.Column("name", sa.String(80)), sa.Column("slug", sa.String(80)))
author = sa.table("author", sa.column("name"))
op.bulk_insert(author, [{"name": f"Name {n}"} for n in range(10_000)])
"""
BACKFILL = """
from migrator.backfill import backfill
author = sa.table("author", sa.column("id"), sa.column("name"), sa.column("slug"))
backfill(
    author.update().where(author.c.slug.is_(None)).values(slug=sa.func.lower(author.c.name)),
    author.c.id, {options}
)
"""
TO_DO = "SELECT count(*) FROM author WHERE slug IS NULL"

pytestmark = [pytest.mark.strategies("env-var"), pytest.mark.example(False)]


@pytest.fixture
def table(project: Project) -> Project:
    """A project with 10,000 rows to fill, and a revision b1 that is to come."""
    project.write_revision("a1", TABLE, 'op.drop_table("author")')
    project.ok("alembic", "upgrade", "head")
    return project


def test_every_row_is_filled_and_a_second_run_finds_none(table: Project) -> None:
    body = BACKFILL.format(options="batch_size=3000, pause=0")
    table.write_revision("b1", body, down_revision="a1")
    end = table.run("alembic", "upgrade", "head")
    assert end.returncode == 0, end.stderr
    assert "author.id: all 10000 rows" in end.stderr
    assert end.stdout == ""
    assert table.sql(TO_DO) == [(0,)]
    assert table.sql("SELECT count(*) FROM author WHERE slug = 'name 77'") == [(1,)]
    table.ok("alembic", "downgrade", "a1")
    assert "author.id: all 0 rows" in table.run("alembic", "upgrade", "head").stderr


def test_a_killed_run_goes_on_where_it_was(table: Project) -> None:
    body = BACKFILL.format(options="batch_size=100, pause=0.2")
    table.write_revision("b1", body, down_revision="a1")
    if table.database == "sqlite":
        # All of the run is one transaction there: it does not pause, and it leaves nothing.
        table.ok("alembic", "upgrade", "head")
        assert table.sql(TO_DO) == [(0,)]
        return
    process = table.start("alembic", "upgrade", "head")
    while table.sql(TO_DO) == [(10_000,)]:
        time.sleep(0.05)
        assert process.poll() is None
    # A writer does not wait for the whole, and neither does a second migration get in.
    table.sql("UPDATE author SET name = 'Later' WHERE id = 9000")
    process.kill()
    process.communicate()
    [(left,)] = table.sql(TO_DO)
    assert 0 < left < 10_000
    assert table.version() == ["a1"]
    path = table.path / "alembic" / "versions" / "20270101_b1.py"
    path.write_text(path.read_text().replace("pause=0.2", "pause=0"))
    end = table.run("alembic", "upgrade", "head", MIGRATION_WAIT="20")
    assert f"author.id: all {left} rows" in end.stderr
    assert table.sql(TO_DO) == [(0,)]
    assert table.sql("SELECT slug FROM author WHERE id = 9000") == [("later",)]
    assert table.version() == ["b1"]


@pytest.mark.databases("postgresql", "mysql")
def test_a_locked_row_is_waited_for_as_any_statement_does(table: Project) -> None:
    table.write_revision("b1", BACKFILL.format(options="pause=0"), down_revision="a1")
    with table.connect() as holder:
        cursor = holder.cursor()
        cursor.execute("BEGIN")
        cursor.execute("UPDATE author SET name = 'Held' WHERE id = 5000")
        process = table.start(
            *("alembic", "upgrade", "head"), MIGRATION_LOCK_TIMEOUT="1", MIGRATION_LOCK_RETRIES="9"
        )
        assert process.stdout is not None
        for line in process.stdout:
            if "trying again" in line:
                break
        cursor.execute("COMMIT")
        output = process.communicate(timeout=60)[0]
    assert process.returncode == 0, output
    assert table.sql(TO_DO) == [(0,)]
    assert table.sql("SELECT slug FROM author WHERE id = 5000") == [("held",)]


@pytest.mark.databases("mysql")
def test_a_failure_names_its_statement_once(table: Project) -> None:
    body = BACKFILL.format(options="batch_size=500, pause=0") + "\nraise RuntimeError('ouch')"
    table.write_revision("b1", body, down_revision="a1")
    end = table.run("alembic", "upgrade", "head")
    assert "Revision b1 failed halfway" in end.stderr
    assert end.stderr.count("\n  UPDATE author SET") == 1


@pytest.mark.databases("sqlite")
def test_sqlite_keeps_its_one_transaction(table: Project) -> None:
    body = BACKFILL.format(options="batch_size=500, pause=0") + "\nraise RuntimeError('ouch')"
    table.write_revision("b1", body, down_revision="a1")
    assert "ouch" in table.run("alembic", "upgrade", "head").stderr
    assert table.sql(TO_DO) == [(10_000,)]
    with sqlite3.connect(table.url.removeprefix("sqlite:///")) as connection:
        connection.execute("DELETE FROM author")
    connection.close()


def test_a_programs_transaction_stays_the_programs(table: Project) -> None:
    body = BACKFILL.format(options="batch_size=500, pause=0")
    table.write_revision("b1", body, down_revision="a1")
    printed = table.python(f"""
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from migrator.url import parse_url

config = Config("alembic.ini")
with sa.create_engine(parse_url({table.url!r}, "url")).connect() as connection:
    config.attributes["connection"] = connection
    with connection.begin() as transaction:
        command.upgrade(config, "head")
        print(connection.scalar(sa.text({TO_DO!r})))
        transaction.rollback()
    print(connection.scalar(sa.text({TO_DO!r})))
    connection.rollback()
    command.upgrade(config, "head")
    print(connection.scalar(sa.text({TO_DO!r})))
""")
    assert printed.split() == ["0", "10000", "0"]


def test_its_sql_is_the_whole_statement(table: Project) -> None:
    table.write_revision("b1", BACKFILL.format(options=""), down_revision="a1")
    sql = table.ok("alembic", "upgrade", "a1:b1", "--sql")
    assert "UPDATE author SET slug=lower(author.name) WHERE author.slug IS NULL;" in sql


@pytest.mark.databases("sqlite")
def test_without_a_where_it_could_not_be_resumed(table: Project) -> None:
    body = BACKFILL.format(options="").replace(".where(author.c.slug.is_(None))", "")
    table.write_revision("b1", body, down_revision="a1")
    assert "needs a WHERE" in table.run("alembic", "upgrade", "head").stderr
