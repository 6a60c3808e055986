"""What Alembic does differently here for PostgreSQL."""

from typing import Any

from alembic.ddl.postgresql import PostgresqlImpl
from sqlalchemy import Column, Inspector, Table

from ..limits import lock_timeout
from ..rendering import LiteralSQL
from .concurrently import is_concurrent
from .stored_default import is_stored_as


class Implementation(LiteralSQL, PostgresqlImpl):
    """Compares without a query per column, and renders SQL as it was."""

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
            # A model need not declare the sequence behind SERIAL.
            is_serial = metadata_column is metadata_column.table.autoincrement_column
            return rendered_inspector_default is not None and not is_serial
        return not is_stored_as(self.connection, metadata_column, rendered_inspector_default)

    def autogen_column_reflect(
        self, inspector: Inspector, table: Table, column_info: dict[str, Any]
    ) -> None:
        """Ignore the sequence of a model's SERIAL key; for others Alembic asks the server."""
        model = self.context_opts["target_metadata"].tables.get(table.key)
        key = None if model is None else model.autoincrement_column
        if key is not None and key.name == column_info["name"] and key.server_default is None:
            column_info["default"] = None
        else:
            super().autogen_column_reflect(inspector, table, column_info)  # type: ignore[no-untyped-call]

    def adjust_reflected_dialect_options(self, reflected_object: Any, kind: str) -> dict[str, Any]:
        """Return the options of a reflected constraint; a CHECK's is where reflection_patch puts it."""
        options = super().adjust_reflected_dialect_options(reflected_object, kind)
        if reflected_object.get("postgresql_not_valid"):
            options["postgresql_not_valid"] = True
        return options

    def static_output(self, text: str) -> None:
        """Print a statement of `--sql`; one that has to wait gets all the time it needs."""
        if is_concurrent(text):
            timeout = f"SET lock_timeout = {lock_timeout() * 1000:.0f}"
            text = f"SET lock_timeout = 0;\n\n{text}\n\n{timeout};"
        super().static_output(text)
