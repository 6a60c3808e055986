"""What Alembic does differently here for MySQL and MariaDB."""

import re
from typing import Any

from alembic.ddl.mysql import MySQLImpl
from sqlalchemy import Column, Identity

from ..rendering import LiteralSQL
from .probe import stored_column

# MySQL stores the same default in one way for CREATE TABLE and in another one for MODIFY.
_NOW = re.compile(r"\(now\((\d*)\)\)")


class Implementation(LiteralSQL, MySQLImpl):
    """Compares columns in the server's own words, and renders SQL as it was."""

    def compare_server_default(
        self,
        inspector_column: Column[Any],
        metadata_column: Column[Any],
        rendered_metadata_default: str | None,
        rendered_inspector_default: str | None,
    ) -> bool:
        """Return whether the server defaults differ, once the server has stored both."""
        assert self.connection is not None
        if rendered_metadata_default is None:
            return rendered_inspector_default is not None
        stored = stored_column(self.connection, metadata_column)
        return stored is None or _told(stored["default"]) != _told(rendered_inspector_default)

    def compare_type(self, inspector_column: Column[Any], metadata_column: Column[Any]) -> bool:
        """Return whether the types differ, and do so still once the server has stored both."""
        assert self.connection is not None
        declared = metadata_column.type.dialect_impl(self.dialect)
        if not super().compare_type(inspector_column, metadata_column) and all(
            (getattr(declared, attribute, None) or 0)
            == (getattr(inspector_column.type, attribute, None) or 0)
            for attribute in ("unsigned", "fsp", "values")  # which Alembic does not look at
        ):
            return False
        stored = stored_column(self.connection, metadata_column)
        return stored is None or repr(stored["type"]) != repr(inspector_column.type)

    def _compare_identity_default(
        self, metadata_identity: Identity | None, inspector_identity: Identity | None
    ) -> tuple[set[str], set[str], bool]:
        # SQLAlchemy makes AUTO_INCREMENT of an identity, and reflects none.
        return set(), set(), False


def _told(default: str | None) -> str | None:
    """Return a server default as MODIFY stores it."""
    return default and _NOW.sub(
        lambda now: "CURRENT_TIMESTAMP" + f"({now[1]})" * bool(now[1]), default
    )
