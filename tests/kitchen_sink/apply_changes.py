"""Runs in a generated project's root: makes each change of changes.py.

usage: python apply_changes.py DATABASE PACKAGE URL

Prints a line for each change that is not found as expected, or that is still found after the
operations rendered for it were run.
"""

import importlib
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import api, compare_metadata, produce_migrations, render
from alembic.migration import MigrationContext
from alembic.operations import Operations

DATABASE, PACKAGE, URL = sys.argv[1:]
sys.path[:0] = [".", str(Path(__file__).parent)]
from changes import CHANGES, Change, Items

options = importlib.import_module("migrator.autogenerate.options")
order = importlib.import_module("migrator.autogenerate.order")
registration = importlib.import_module("migrator.dialect.registration")
url = importlib.import_module("migrator.url")
PROJECT = importlib.import_module(f"{PACKAGE}.database.migrations").PROJECT
convention = PROJECT.load_metadata().naming_convention


def own_name(name: str | None, kind: str, parents: object) -> bool:
    """Return whether something is the table `t`, for there are no revisions to tell it."""
    return {"schema": name is None, "table": name == "t"}.get(kind, True)


registration.register()
OPTIONS = {
    **options.autogenerate_options(PROJECT),
    **registration.DIALECT_OPTIONS,
    "include_name": own_name,
}
del OPTIONS["process_revision_directives"]
if DATABASE == "postgresql":
    import alembic_postgresql_enum as enum

    enum.set_configuration(enum.Config(include_name=lambda name: True))


def metadata(items: Items) -> sa.MetaData:
    """Return the metadata of one table `t`."""
    result = sa.MetaData(naming_convention=convention)
    sa.Table("t", result, sa.Column("id", sa.Integer, primary_key=True), *items())
    return result


def context(connection: sa.Connection, target: sa.MetaData) -> MigrationContext:
    """Return a context with the project's own options."""
    return MigrationContext.configure(connection, opts=OPTIONS | {"target_metadata": target})


def differences(connection: sa.Connection, target: sa.MetaData) -> list[str]:
    """Return the sorted names of the differences between the database and `target`."""

    def flat(found: list[Any]) -> Iterator[str]:
        for item in found:
            if isinstance(item, list):
                yield from flat(item)
            else:
                yield item[0]

    return sorted(flat(compare_metadata(context(connection, target), target)))


def run_rendered(connection: sa.Connection, target: sa.MetaData) -> None:
    """Run the Python code that a revision to `target` would have."""
    migration = context(connection, target)
    script = produce_migrations(migration, target)
    operations = script.upgrade_ops
    assert operations is not None
    assert script.downgrade_ops is not None
    order.order_operations(
        operations, script.downgrade_ops, supports_alter=migration.dialect.supports_alter
    )
    rendering = {
        "sqlalchemy_module_prefix": "sa.",
        "alembic_module_prefix": "op.",
        "user_module_prefix": None,
        "render_as_batch": OPTIONS.get("render_as_batch", False),
    }
    autogen = api.AutogenContext(migration, opts=migration.opts | rendering)
    code = render._render_cmd_body(operations, autogen)
    dialects = "from sqlalchemy.dialects import mysql, postgresql, sqlite"
    exec("\n".join([dialects, *autogen.imports, code]), {"op": Operations(migration), "sa": sa})  # noqa: S102
    connection.commit()


def apply(change: Change, connection: sa.Connection) -> None:
    """Make the table as it was, find the change, and make it."""
    new = metadata(change.new)
    metadata(change.old).create_all(connection)
    connection.commit()
    found = differences(connection, new)
    if found != list(change.expected):
        print(f"{change.name}: found {found}, expected {change.expected}")
    run_rendered(connection, new)
    if left := differences(connection, new):
        print(f"{change.name}: {left} is left")


def main() -> None:
    """Apply each change of this database, each to an empty one."""
    warnings.simplefilter("error")
    engine = sa.create_engine(url.parse_url(URL, "the third argument"))
    for change in CHANGES:
        if DATABASE in change.databases:
            with engine.connect() as connection:
                apply(change, connection)
                if DATABASE == "postgresql":
                    connection.exec_driver_sql("DROP SCHEMA public CASCADE")
                    connection.exec_driver_sql("CREATE SCHEMA public")
                else:
                    connection.exec_driver_sql("DROP TABLE IF EXISTS t")
                connection.commit()
    engine.dispose()


if __name__ == "__main__":
    main()
