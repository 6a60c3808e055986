"""What Alembic does differently here for MySQL and MariaDB."""

import re
from typing import Any

from alembic.ddl.mysql import MySQLImpl
from sqlalchemy import (
    DDL,
    ClauseElement,
    Column,
    Computed,
    Identity,
    Integer,
    MetaData,
    Table,
    TextClause,
    text,
)
from sqlalchemy.dialects.mysql import TINYINT

from ..definitions import ComparesDefinitions
from ..rendering import LiteralSQL, escaped_colons
from .stored import may_ask, refuse_without_cast, stored_column

# MySQL stores now() as it is in parentheses, and as CURRENT_TIMESTAMP without.
_NOW = re.compile(r"\(now\((\d*)\)\)")


class Implementation(LiteralSQL, ComparesDefinitions, MySQLImpl):
    """Compares columns in the server's own words, and renders SQL as it was."""

    def compare_server_default(
        self,
        inspector_column: Column[Any],
        metadata_column: Column[Any],
        rendered_metadata_default: str | None,
        rendered_inspector_default: str | None,
    ) -> bool:
        """Return whether the server defaults differ, once the server has stored the model's."""
        assert self.connection is not None
        if rendered_metadata_default is None:
            return rendered_inspector_default is not None
        if not may_ask(self.connection):
            return rendered_inspector_default is None
        stored = stored_column(self.connection, metadata_column)
        return stored is None or _told(stored["default"]) != _told(rendered_inspector_default)

    def compare_type(self, inspector_column: Column[Any], metadata_column: Column[Any]) -> bool:
        """Return whether the types differ, and do so still once the server has stored both.

        Raises:
            CommandError: the server cannot change the one to the other, or back.
        """
        assert self.connection is not None
        declared = metadata_column.type.dialect_impl(self.dialect)
        differ = super().compare_type(inspector_column, metadata_column)
        if isinstance(inspector_column.type, TINYINT):
            # Alembic 1.20 takes each of them for a BOOL, which is TINYINT(1).
            compiler = self.dialect.type_compiler_instance
            types = (compiler.process(c.type) for c in (inspector_column, metadata_column))
            differ = differ or len({type_ in ("BOOL", "TINYINT(1)") for type_ in types}) > 1
        if not differ and all(
            (getattr(declared, attribute, None) or 0)
            == (getattr(inspector_column.type, attribute, None) or 0)
            # Alembic does not look at these.
            for attribute in ("unsigned", "fsp", "values", "collation")
        ):
            return False
        if not may_ask(self.connection):
            return differ
        stored = stored_column(self.connection, metadata_column)
        differ = stored is None or repr(stored["type"]) != repr(inspector_column.type)
        if differ:
            refuse_without_cast(self.connection, inspector_column, metadata_column)
        return differ

    def alter_column(
        self,
        table_name: str,
        column_name: str,
        *,
        schema: str | None = None,
        existing_server_default: Any = None,
        **options: Any,
    ) -> None:
        """Alter a column; a computed one too, which Alembic 1.20 does not."""
        default = options.get("server_default", False)
        is_mariadb = getattr(self.dialect, "is_mariadb", False)
        known = options.get("existing_nullable") and options.get("existing_type") is not None
        if default is None and known and not is_mariadb:
            # After Alembic 1.20's DROP DEFAULT, MySQL demands a value. MODIFY has it take NULL.
            options["nullable"] = options.get("nullable") is not False
        if isinstance(default, ClauseElement):
            options["server_default"] = self._as_created(default)
        if not isinstance(existing_server_default, Computed) or default is not False:
            super().alter_column(
                table_name,
                column_name,
                schema=schema,
                existing_server_default=existing_server_default,
                **options,
            )
            return
        nullable, comment = options.get("nullable"), options.get("comment", False)
        column = Column(
            column_name,
            options.get("type_") or options["existing_type"],
            existing_server_default,
            nullable=options.get("existing_nullable") if nullable is None else nullable,
            comment=options.get("existing_comment") if comment is False else comment,
        )
        table = Table(table_name, MetaData(), column, schema=schema)
        compiler = self.dialect.ddl_compiler(self.dialect, None)  # type: ignore[arg-type]
        changed = f"MODIFY {compiler.get_column_specification(column)}"
        ddl: Any = DDL  # has no annotations
        self._exec(ddl(f"ALTER TABLE {compiler.preparer.format_table(table)} {changed}"))

    def _as_created(self, default: ClauseElement) -> TextClause:
        """Return a default as CREATE TABLE has it: with parentheses, which Alembic 1.20 leaves out."""
        compiler = self.dialect.ddl_compiler(self.dialect, None)  # type: ignore[arg-type]
        column: Column[Any] = Column("c", Integer, server_default=default)  # type: ignore[arg-type]
        sql = compiler.get_column_specification(column).partition(" DEFAULT ")[2]
        return text(escaped_colons(sql.replace("%%", "%")))

    def _compare_identity_default(
        self, metadata_identity: Identity | None, inspector_identity: Identity | None
    ) -> tuple[set[str], set[str], bool]:
        # SQLAlchemy makes AUTO_INCREMENT of an identity, and reflects none.
        return set(), set(), False


def _told(default: str | None) -> str | None:
    """Return a server default as MySQL stores it without parentheses."""
    return default and _NOW.sub(
        lambda now: "CURRENT_TIMESTAMP" + f"({now[1]})" * bool(now[1]), default
    )
