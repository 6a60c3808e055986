"""What Alembic does differently here for SQLite: it takes this class for its own."""

from typing import Any

from alembic.ddl.sqlite import SQLiteImpl
from alembic.operations.batch import ApplyBatchImpl
from sqlalchemy import ClauseElement, Column, Identity, Table

from .escaping import escaped_colons
from .rebuilding import keep_collations, keep_colons, keep_computed, refuse_if_referred_to


class Implementation(SQLiteImpl):
    """Compares server defaults exactly, and keeps SQL as it was."""

    __dialect__ = "sqlite"

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

    def prep_table_for_batch(self, batch_impl: ApplyBatchImpl, table: Table) -> None:
        """Have a table rebuilt as it was, but for what the revision changes.

        Raises:
            CommandError: rows of other tables would be lost.
        """
        assert batch_impl.new_table is not None
        keep_computed(batch_impl, table)
        keep_colons(batch_impl.new_table)
        if self.connection is not None:
            refuse_if_referred_to(self.connection, table.name)
            keep_collations(self.connection, table, batch_impl.new_table)

    def render_ddl_sql_expr(
        self,
        expr: ClauseElement,
        is_server_default: bool = False,
        is_index: bool = False,
        **options: Any,
    ) -> str:
        """Return `expr` for a revision, where `sa.text` or, for an index, nothing parses it."""
        sql = super().render_ddl_sql_expr(
            expr, is_server_default=is_server_default, is_index=is_index, **options
        )
        return sql if is_index else escaped_colons(sql)
