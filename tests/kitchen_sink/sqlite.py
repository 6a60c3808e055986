"""One of everything that is SQLite's own."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..database import Base


class SqliteThing(Base):
    """Types, defaults and indexes."""

    __tablename__ = "ks_sqlite"
    __table_args__ = (
        sa.Index("ix_sqlite_partial", "name", sqlite_where=sa.text("active")),
        sa.UniqueConstraint("name", name="uq_sqlite_name", sqlite_on_conflict="IGNORE"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(20, collation="NOCASE"))
    active: Mapped[bool] = mapped_column(server_default="1")
    json: Mapped[Any] = mapped_column(sa.JSON, server_default="{}")
    json_text: Mapped[Any] = mapped_column(sa.JSON, server_default=sa.text("'[]'"))
    text: Mapped[str] = mapped_column(sa.Text, server_default="")
    key: Mapped[str] = mapped_column(
        sa.String(32), server_default=sa.text("(lower(hex(randomblob(16))))")
    )
    day: Mapped[str] = mapped_column(
        sa.String(10), server_default=sa.text("(date('now', '+1 day'))")
    )
    half: Mapped[str | None] = mapped_column(sa.Computed("name || '!'", persisted=False))
    blob: Mapped[bytes] = mapped_column(server_default=sa.text("x'00'"))


class SqliteStrict(Base):
    """A table without a rowid."""

    __tablename__ = "ks_sqlite_strict"
    __table_args__ = ({"sqlite_with_rowid": False},)

    name: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
