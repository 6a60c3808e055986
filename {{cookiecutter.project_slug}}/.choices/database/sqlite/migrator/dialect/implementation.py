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
)

from ..definitions import ComparesDefinitions
from ..rendering import LiteralSQL
from .rebuilding import counter, keep_computed, refuse_if_referred_to, triggers


class Implementation(LiteralSQL, ComparesDefinitions, SQLiteImpl):
    """Compares server defaults exactly, and keeps SQL as it was."""

    # SQL that gives the table that is being rebuilt its triggers and its counter back.
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
        there, declared = (
            (compiler.get_column_default_string(column) or "").strip("()")
            for column in (inspector_column, metadata_column)
        )
        return there != declared

    def compare_type(self, inspector_column: Column[Any], metadata_column: Column[Any]) -> bool:
        """Return whether the types differ, or their collations."""
        there, declared = (
            getattr(column.type.dialect_impl(self.dialect), "collation", None)
            for column in (inspector_column, metadata_column)
        )
        return there != declared or super().compare_type(inspector_column, metadata_column)

    def _guess_if_default_is_unparenthesized_sql_expr(self, expr: str | None) -> bool:
        # SQLAlchemy writes the parentheses that SQLite asks for.
        return False

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
        """Leave out what is there already under another name."""
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
        # Alembic makes a new index of the table's columns, without an expression.
        batch_impl.indexes.update(batch_impl.new_indexes)
        batch_impl.new_indexes.clear()
        if self._online is not None:
            refuse_if_referred_to(self._online, table.name)
            self._to_make_again = [
                *counter(self._online, table),
                *triggers(self._online, table),
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
