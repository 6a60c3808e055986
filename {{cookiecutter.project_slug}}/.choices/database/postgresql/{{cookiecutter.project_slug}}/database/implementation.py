"""What Alembic does differently here for PostgreSQL: it takes this class for its own."""

from typing import Any

from alembic.ddl.postgresql import PostgresqlImpl
from sqlalchemy import ClauseElement, Column, Inspector, Table

from .base import Base
from .concurrently import is_concurrent
from .escaping import escaped_colons
from .limits import lock_timeout
from .stored_default import is_stored_as


class Implementation(PostgresqlImpl):
    """Compares without a query per column, and renders SQL as it was."""

    __dialect__ = "postgresql"

    def compare_server_default(
        self,
        inspector_column: Column[Any],
        metadata_column: Column[Any],
        rendered_metadata_default: str | None,
        rendered_inspector_default: str | None,
    ) -> bool:
        """Return whether the server defaults differ, once the server has stored both."""
        assert self.connection is not None
        if metadata_column.server_default is None:
            # SERIAL's sequence is none that a model has to name.
            is_serial = metadata_column is metadata_column.table.autoincrement_column
            return rendered_inspector_default is not None and not is_serial
        return not is_stored_as(self.connection, metadata_column, rendered_inspector_default)

    def autogen_column_reflect(
        self, inspector: Inspector, table: Table, column_info: dict[str, Any]
    ) -> None:
        """Take the sequence away from a model's SERIAL key; for others Alembic asks the server."""
        model = Base.metadata.tables.get(table.key)
        key = None if model is None else model.autoincrement_column
        if key is not None and key.name == column_info["name"] and key.server_default is None:
            column_info["default"] = None
        else:
            super().autogen_column_reflect(inspector, table, column_info)  # type: ignore[no-untyped-call]

    def static_output(self, text: str) -> None:
        """Print a statement of `--sql`; one that has to wait gets all the time it needs."""
        if is_concurrent(text):
            timeout = f"SET lock_timeout = {lock_timeout() * 1000:.0f}"
            text = f"SET lock_timeout = 0;\n\n{text}\n\n{timeout};"
        super().static_output(text)

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
        # The driver's percent signs are doubled when the revision runs.
        sql = sql.replace("%%", "%")
        return sql if is_index else escaped_colons(sql)
