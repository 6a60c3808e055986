"""One of everything that is PostgreSQL's own."""

import datetime
import enum
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Mapped, mapped_column

from ..database import Base


class Mood(enum.Enum):
    HAPPY = "happy"
    SAD = "it's sad"


class Arrays(Base):
    """PostgreSQL's types and defaults."""

    __tablename__ = "ks_pg"
    __table_args__ = (
        sa.Index("ix_pg_descending", sa.desc("name")),
        sa.Index("ix_pg_partial", "name", postgresql_where=sa.text("active")),
        sa.Index(
            "ix_pg_partial_unique",
            "name",
            unique=True,
            postgresql_where=sa.text("deleted_at IS NULL"),
        ),
        sa.Index("ix_pg_lower", sa.func.lower(sa.text("name"))),
        sa.Index("ix_pg_expression", sa.text("(data ->> 'key')")),
        sa.Index("ix_pg_gin", "search", postgresql_using="gin"),
        sa.Index("ix_pg_ops", "name", postgresql_ops={"name": "varchar_pattern_ops"}),
        sa.Index("ix_pg_include", "active", postgresql_include=["name"]),
        sa.Index("ix_pg_nulls", sa.desc("deleted_at").nulls_last()),
        sa.UniqueConstraint("name", "active", postgresql_nulls_not_distinct=True),
        pg.ExcludeConstraint(("period", "&&"), name="ex_period"),
    )

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(20, collation="C"))
    active: Mapped[bool] = mapped_column(server_default="true")
    deleted_at: Mapped[datetime.datetime | None] = mapped_column(
        pg.TIMESTAMP(timezone=True, precision=3)
    )
    tags: Mapped[list[str]] = mapped_column(pg.ARRAY(sa.String(20)), server_default="{}")
    numbers: Mapped[list[int]] = mapped_column(
        sa.ARRAY(sa.Integer), server_default=sa.text("ARRAY[]::integer[]")
    )
    matrix: Mapped[list[list[int]] | None] = mapped_column(pg.ARRAY(sa.Integer, dimensions=2))
    data: Mapped[Any] = mapped_column(pg.JSONB, server_default="{}")
    data_text: Mapped[Any] = mapped_column(pg.JSONB, server_default=sa.text("'{}'::jsonb"))
    data_json: Mapped[Any] = mapped_column(sa.JSON, server_default="[]")
    search: Mapped[str | None] = mapped_column(
        pg.TSVECTOR, sa.Computed("to_tsvector('english', name)", persisted=True)
    )
    address: Mapped[str | None] = mapped_column(pg.INET)
    network: Mapped[str | None] = mapped_column(pg.CIDR)
    period: Mapped[Any | None] = mapped_column(pg.TSTZRANGE)
    pairs: Mapped[Any | None] = mapped_column(pg.INT4RANGE)
    bits: Mapped[str | None] = mapped_column(pg.BIT(8))
    money: Mapped[str | None] = mapped_column(pg.MONEY)
    key: Mapped[uuid.UUID] = mapped_column(server_default=sa.text("gen_random_uuid()"))
    key_function: Mapped[uuid.UUID] = mapped_column(server_default=sa.func.gen_random_uuid())
    wait: Mapped[datetime.timedelta] = mapped_column(server_default="1 hour")
    wait_text: Mapped[datetime.timedelta] = mapped_column(
        server_default=sa.text("interval '1 day'")
    )
    utc: Mapped[datetime.datetime] = mapped_column(server_default=sa.text("timezone('utc', now())"))
    today: Mapped[datetime.date] = mapped_column(server_default=sa.func.current_date())
    binary: Mapped[bytes] = mapped_column(server_default=sa.text("'\\x00'::bytea"))
    text: Mapped[str] = mapped_column(sa.Text, server_default="")
    char: Mapped[str] = mapped_column(sa.CHAR(2), server_default="de")
    mood: Mapped[Mood] = mapped_column(server_default="SAD")
    mood_null: Mapped[Mood | None]
    mood_native: Mapped[str] = mapped_column(
        pg.ENUM("one", "two", name="ks_native"), server_default="one"
    )
    moods: Mapped[list[Mood]] = mapped_column(
        pg.ARRAY(sa.Enum(Mood, name="mood")), server_default="{}"
    )


class SameMood(Base):
    """A second table with the same enum."""

    __tablename__ = "ks_pg_mood"

    id: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True)
    mood: Mapped[Mood]


class Elsewhere(Base):
    """A table in a schema, with an enum there."""

    __tablename__ = "ks_elsewhere"
    __table_args__ = (
        sa.UniqueConstraint("name"),
        sa.CheckConstraint("name <> ''", name="name"),
        {"schema": "ks_schema", "comment": "elsewhere"},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(20), index=True, server_default="x")
    pg_id: Mapped[int | None] = mapped_column(sa.ForeignKey("ks_pg.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(
        sa.Enum("p", "q", name="kind", schema="ks_schema"), server_default="p"
    )
    parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("ks_schema.ks_elsewhere.id"))
