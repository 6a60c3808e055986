"""What Alembic does differently here for SQLite."""

from collections.abc import Sequence
from typing import Any

from alembic.ddl.sqlite import SQLiteImpl
from alembic.operations.batch import ApplyBatchImpl
from sqlalchemy import (
    Column,
    Connection,
    Identity,
    Index,
    Table,
    UniqueConstraint,
    text,
)

from ..rendering import LiteralSQL
from .rebuilding import (
    keep_autoincrement,
    keep_collations,
    keep_colons,
    keep_computed,
    made_by_hand,
    refuse_if_referred_to,
)


class Implementation(LiteralSQL, SQLiteImpl):
    """Compares server defaults exactly, and keeps SQL as it was."""

    # SQL that gives the table that is being rebuilt its triggers and indexes back.
    _to_make_again: Sequence[str] = ()

    def compare_server_default(
        self,
        inspector_column: Column[Any],
        metadata_column: Column[Any],
        rendered_metadata_default: str | None,
        rendered_inspector_default: str | None,
    ) -> bool:
        """Return whether the server defaults differ; SQLite keeps them as they were written."""
        compiler = self.dialect.ddl_compiler(self.dialect, None)  # type: ignore[arg-type]
        declared = compiler.get_column_default_string(metadata_column)
        # SQLite drops the parentheses around an expression, and Alembic puts them back.
        return (declared or "").strip("()") != (rendered_inspector_default or "").strip("()")

    def _compare_identity_default(
        self, metadata_identity: Identity | None, inspector_identity: Identity | None
    ) -> tuple[set[str], set[str], bool]:
        # SQLite has no identities, and SQLAlchemy leaves them out for it.
        return set(), set(), False

    def correct_for_autogen_constraints(
        self,
        conn_unique_constraints: set[UniqueConstraint],
        conn_indexes: set[Index],
        metadata_unique_constraints: set[UniqueConstraint],
        metadata_indexes: set[Index],
    ) -> None:
        """Leave out the indexes that are there already, but cannot be reflected."""
        assert self.connection is not None
        names = text("SELECT name FROM sqlite_master WHERE type = 'index'")
        not_reflected = {*self.connection.scalars(names)} - {index.name for index in conn_indexes}
        for index in [index for index in metadata_indexes if index.name in not_reflected]:
            metadata_indexes.discard(index)
        # A constraint without a name, as older revisions make them, is the model's all the same.
        unnamed = {
            frozenset(unique.columns.keys())
            for unique in conn_unique_constraints
            if unique.name is None
        }
        for unique in list(metadata_unique_constraints):
            if frozenset(unique.columns.keys()) in unnamed:
                metadata_unique_constraints.discard(unique)

    @property
    def _online(self) -> Connection | None:
        """The connection, unless SQL is printed: then there is one that connects to nothing."""
        return None if self.as_sql else self.connection

    def start_migrations(self) -> None:
        """Begin the transaction that a program has begun, as it thinks, on its connection."""
        # Left to itself, sqlite3 begins none for DDL, and the program could not roll it back.
        if self._online is not None and self._online.in_transaction():
            driver: Any = self._online.connection.driver_connection
            if driver.isolation_level is not None and not driver.in_transaction:
                self._online.exec_driver_sql("BEGIN")

    def prep_table_for_batch(self, batch_impl: ApplyBatchImpl, table: Table) -> None:
        """Have a table rebuilt as it was, but for what the revision changes.

        Raises:
            CommandError: rows of other tables would be lost.
        """
        assert batch_impl.new_table is not None
        keep_computed(batch_impl, table)
        keep_colons(batch_impl.new_table)
        if self._online is not None:
            refuse_if_referred_to(self._online, table.name)
            keep_collations(self._online, table, batch_impl.new_table)
            self._to_make_again = [
                *keep_autoincrement(self._online, table, batch_impl.new_table),
                *made_by_hand(self._online, table),
            ]

    def rename_table(
        self, old_table_name: str, new_table_name: Any, schema: str | None = None
    ) -> None:
        """Rename a table; a rebuilt one gets back what is not reflected."""
        if self._online is None or not old_table_name.startswith("_alembic_tmp_"):
            super().rename_table(old_table_name, new_table_name, schema)
            return
        again, self._to_make_again = self._to_make_again, ()
        # A view of the table that was dropped would otherwise stop the rename.
        self._online.exec_driver_sql("PRAGMA legacy_alter_table = ON")
        super().rename_table(old_table_name, new_table_name, schema)
        self._online.exec_driver_sql("PRAGMA legacy_alter_table = OFF")
        for statement in again:
            self._online.exec_driver_sql(statement)
