"""What Alembic does differently here for PostgreSQL."""

import re
from collections.abc import Iterator
from typing import Any

from alembic.ddl.postgresql import PostgresqlImpl
from sqlalchemy import (
    Column,
    DefaultClause,
    Identity,
    Index,
    Inspector,
    MetaData,
    Table,
    UniqueConstraint,
)

from ..definitions import ComparesDefinitions, Pair
from ..limits import lock_timeout
from ..rendering import LiteralSQL
from .concurrently import is_concurrent
from .stored import has_same_text
from .unique_once import redundant

# What Alembic 1.20 does not compare of a type: the precision of a time, a collation, being a list.
NOT_COMPARED = re.compile(r"^TIME\w*\(\d+\)|COLLATE .+|\[\]")


class Implementation(LiteralSQL, ComparesDefinitions, PostgresqlImpl):
    """Compares without a query per column, and renders SQL as it was."""

    def compare_server_default(
        self,
        inspector_column: Column[Any],
        metadata_column: Column[Any],
        rendered_metadata_default: str | None,
        rendered_inspector_default: str | None,
    ) -> bool:
        """Return whether only one has a server default; keep two whose texts differ."""
        if metadata_column.server_default is None:
            # A model need not declare the sequence behind SERIAL.
            is_serial = metadata_column is metadata_column.table.autoincrement_column
            return rendered_inspector_default is not None and not is_serial
        compiler = self.dialect.ddl_compiler(self.dialect, None)  # type: ignore[arg-type]
        declared = compiler.get_column_default_string(metadata_column) or ""
        if not has_same_text(declared, rendered_inspector_default or ""):
            self.pairs.append(Pair("default", metadata_column, inspector_column))
        return False

    def compare_type(self, inspector_column: Column[Any], metadata_column: Column[Any]) -> bool:
        """Return whether the types differ; then a default with the old type's cast does as well."""
        there, declared = (
            {*NOT_COMPARED.findall(self.dialect.type_compiler_instance.process(column.type))}
            for column in (inspector_column, metadata_column)
        )
        differ = there != declared or super().compare_type(inspector_column, metadata_column)
        if differ:
            self.retyped.add(inspector_column.table)
            self.pairs += computed_from(inspector_column, metadata_column.table)
        defaults = inspector_column.server_default, metadata_column.server_default
        if differ and all(isinstance(default, DefaultClause) for default in defaults):
            self.pairs.append(Pair("default", metadata_column, inspector_column))
        return differ

    def alter_column(
        self,
        table_name: str,
        column_name: str,
        *,
        type_: Any = None,
        server_default: Any = False,
        schema: str | None = None,
        **options: Any,
    ) -> None:
        """Alter a column; the old default goes first where the new type or default needs that."""
        old = options.pop("existing_server_default", None)
        identities = isinstance(old, Identity), isinstance(server_default, Identity)
        # A default may have no cast to the type, and there is no identity beside one.
        has_to_go = (type_ is not None or any(identities)) and not all(identities)
        if server_default is not False and has_to_go:
            super().alter_column(
                table_name,
                column_name,
                server_default=None,
                existing_server_default=old,
                schema=schema,
            )
            old = None
            server_default = False if server_default is None else server_default
        super().alter_column(
            table_name,
            column_name,
            type_=type_,
            server_default=server_default,
            existing_server_default=old,
            schema=schema,
            **options,
        )

    def correct_for_autogen_constraints(
        self,
        conn_unique_constraints: set[UniqueConstraint],
        conn_indexes: set[Index],
        metadata_unique_constraints: set[UniqueConstraint],
        metadata_indexes: set[Index],
    ) -> None:
        """Leave out what the server makes once only, or by itself."""
        metadata_unique_constraints -= redundant(
            metadata_unique_constraints, conn_unique_constraints
        )
        super().correct_for_autogen_constraints(  # type: ignore[no-untyped-call]
            conn_unique_constraints, conn_indexes, metadata_unique_constraints, metadata_indexes
        )

    def autogen_column_reflect(
        self, inspector: Inspector, table: Table, column_info: dict[str, Any]
    ) -> None:
        """Ignore the sequence of a model's SERIAL key; for others Alembic asks the server."""
        # A program that compares by itself need not give the models to the context.
        metadata = self.context_opts.get("target_metadata") or MetaData()
        model = metadata.tables.get(table.key)
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


def computed_from(old: Column[Any], model: Table) -> Iterator[Pair]:
    """Yield the columns that are computed from a column: the server alters no type below them."""
    for column in old.table.columns:
        new = model.columns.get(column.name)
        words = re.findall(r"\w+", str(column.computed.sqltext)) if column.computed else []
        if new is not None and old.name in words:
            yield Pair("computed", new, column, is_certain=True)
