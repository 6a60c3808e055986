"""One of everything that SQLite, PostgreSQL and MariaDB have in common."""

import datetime
import decimal
import enum
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..database import Base


class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


class Upper(sa.types.TypeDecorator[str]):
    """A type of the application's own."""

    impl = sa.String(30)
    cache_ok = True


class Plain(Base):
    """Every common type, with and without NULL, no defaults."""

    __tablename__ = "ks_plain"
    __table_args__ = ({"comment": "A table's comment: 100% 'quoted'"},)

    id: Mapped[int] = mapped_column(primary_key=True)
    boolean: Mapped[bool]
    integer: Mapped[int | None]
    small: Mapped[int] = mapped_column(sa.SmallInteger)
    big: Mapped[int] = mapped_column(sa.BigInteger)
    numeric: Mapped[decimal.Decimal] = mapped_column(sa.Numeric(12, 2))
    numeric_plain: Mapped[decimal.Decimal] = mapped_column(sa.Numeric)
    float_plain: Mapped[float]
    float_precise: Mapped[float] = mapped_column(sa.Float(53))
    double: Mapped[float] = mapped_column(sa.Double)
    string: Mapped[str] = mapped_column(sa.String(50), comment="A comment with 'quotes' and 100%")
    text: Mapped[str] = mapped_column(sa.Text)
    unicode: Mapped[str] = mapped_column(sa.Unicode(40))
    unicode_text: Mapped[str] = mapped_column(sa.UnicodeText)
    json: Mapped[Any] = mapped_column(sa.JSON)
    json_null: Mapped[Any | None] = mapped_column(sa.JSON)
    token: Mapped[uuid.UUID]
    token_text: Mapped[uuid.UUID] = mapped_column(sa.Uuid(native_uuid=False))
    moment: Mapped[datetime.datetime]
    moment_zone: Mapped[datetime.datetime] = mapped_column(sa.DateTime(timezone=True))
    date: Mapped[datetime.date]
    time: Mapped[datetime.time]
    interval: Mapped[datetime.timedelta]
    binary: Mapped[bytes]
    binary_short: Mapped[bytes] = mapped_column(sa.LargeBinary(100))
    upper: Mapped[str] = mapped_column(Upper)
    size: Mapped[Size]
    size_text: Mapped[str] = mapped_column(
        sa.Enum("red", "green", name="colour", native_enum=False, create_constraint=True)
    )
    size_free: Mapped[str] = mapped_column(sa.Enum("x", "yy", name="letter", native_enum=False))
    deferred: Mapped[str] = mapped_column(sa.String(5), deferred=True)
    renamed: Mapped[str] = mapped_column("Mixed Case", sa.String(5))
    positive: Mapped[int] = mapped_column(sa.CheckConstraint("positive > 0", name="positive"))


class Defaulted(Base):
    """Every way to write a server default."""

    __tablename__ = "ks_defaulted"

    id: Mapped[int] = mapped_column(primary_key=True)
    b_true: Mapped[bool] = mapped_column(server_default=sa.true())
    b_false: Mapped[bool] = mapped_column(server_default=sa.false())
    b_text: Mapped[bool] = mapped_column(server_default=sa.text("true"))
    b_one: Mapped[bool] = mapped_column(server_default=sa.text("FALSE"))
    i_string: Mapped[int] = mapped_column(server_default="0")
    i_text: Mapped[int] = mapped_column(server_default=sa.text("5"))
    i_negative: Mapped[int] = mapped_column(server_default="-1")
    i_negative_text: Mapped[int] = mapped_column(server_default=sa.text("-1"))
    i_literal: Mapped[int] = mapped_column(server_default=sa.literal(7))
    i_null: Mapped[int | None] = mapped_column(server_default=sa.text("NULL"))
    i_null_sql: Mapped[int | None] = mapped_column(server_default=sa.null())
    small: Mapped[int] = mapped_column(sa.SmallInteger, server_default="3")
    big: Mapped[int] = mapped_column(sa.BigInteger, server_default="9999999999")
    n_zero: Mapped[decimal.Decimal] = mapped_column(sa.Numeric(12, 2), server_default="0")
    n_decimals: Mapped[decimal.Decimal] = mapped_column(sa.Numeric(12, 2), server_default="0.00")
    n_text: Mapped[decimal.Decimal] = mapped_column(
        sa.Numeric(12, 2), server_default=sa.text("1.5")
    )
    f_string: Mapped[float] = mapped_column(server_default="1.5")
    f_text: Mapped[float] = mapped_column(server_default=sa.text("0.1"))
    double: Mapped[float] = mapped_column(sa.Double, server_default="0")
    s_plain: Mapped[str] = mapped_column(sa.String(50), server_default="plain")
    s_text: Mapped[str] = mapped_column(sa.String(50), server_default=sa.text("'quoted'"))
    s_empty: Mapped[str] = mapped_column(sa.String(50), server_default="")
    s_empty_text: Mapped[str] = mapped_column(sa.String(50), server_default=sa.text("''"))
    s_quote: Mapped[str] = mapped_column(sa.String(50), server_default="it's")
    s_quoted: Mapped[str] = mapped_column(sa.String(50), server_default="'")
    s_double: Mapped[str] = mapped_column(sa.String(50), server_default='say "hi"')
    s_percent: Mapped[str] = mapped_column(sa.String(50), server_default="100% sure %s %(x)s")
    s_percent_text: Mapped[str] = mapped_column(sa.String(50), server_default=sa.text("'5%'"))
    s_colon_text: Mapped[str] = mapped_column(sa.String(50), server_default=sa.text(r"'a \:b'"))
    s_colon: Mapped[str] = mapped_column(sa.String(50), server_default="a :b ::c")
    s_backslash: Mapped[str] = mapped_column(sa.String(50), server_default="back\\slash")
    s_spaces: Mapped[str] = mapped_column(sa.String(50), server_default="  two words ")
    s_parens: Mapped[str] = mapped_column(sa.String(50), server_default="(x)")
    s_number: Mapped[str] = mapped_column(sa.String(50), server_default="0")
    s_unicode: Mapped[str] = mapped_column(sa.String(50), server_default="Grüße, ☃")
    s_now: Mapped[str] = mapped_column(sa.String(50), server_default="CURRENT_TIMESTAMP")
    s_null: Mapped[str] = mapped_column(sa.String(50), server_default="NULL")
    s_lines: Mapped[str] = mapped_column(sa.String(50), server_default="a\nb")
    s_function: Mapped[str] = mapped_column(
        sa.String(50), server_default=sa.func.lower(sa.literal("ABC"))
    )
    upper: Mapped[str] = mapped_column(Upper, server_default="UP")
    m_now: Mapped[datetime.datetime] = mapped_column(server_default=sa.func.now())
    m_current: Mapped[datetime.datetime] = mapped_column(
        server_default=sa.func.current_timestamp(), onupdate=sa.func.now()
    )
    m_text: Mapped[datetime.datetime] = mapped_column(server_default=sa.text("CURRENT_TIMESTAMP"))
    m_lower: Mapped[datetime.datetime] = mapped_column(server_default=sa.text("current_timestamp"))
    m_zone: Mapped[datetime.datetime] = mapped_column(
        sa.DateTime(timezone=True), server_default=sa.func.now()
    )
    m_fixed: Mapped[datetime.datetime] = mapped_column(server_default="2000-01-01 00:00:00")
    date: Mapped[datetime.date] = mapped_column(server_default="2000-01-01")
    date_text: Mapped[datetime.date] = mapped_column(server_default=sa.text("'2000-01-01'"))
    time: Mapped[datetime.time] = mapped_column(server_default="12:30:00")
    size: Mapped[Size] = mapped_column(server_default="SMALL")
    size_text: Mapped[str] = mapped_column(
        sa.Enum("red", "green", name="hue", native_enum=False, create_constraint=True),
        server_default="red",
    )


class Generated(Base):
    """Computed columns, which MariaDB wants nullable, and an identity."""

    __tablename__ = "ks_generated"

    id: Mapped[int] = mapped_column(sa.Identity(), primary_key=True)
    width: Mapped[int]
    height: Mapped[int]
    name: Mapped[str] = mapped_column(sa.String(20))
    area: Mapped[int | None] = mapped_column(sa.Computed("width * height", persisted=True))
    half: Mapped[int | None] = mapped_column(sa.Computed("width + (height * 2)", persisted=True))


class Started(Base):
    """An identity with options."""

    __tablename__ = "ks_started"

    id: Mapped[int] = mapped_column(sa.Identity(always=True, start=10), primary_key=True)
    name: Mapped[str | None] = mapped_column(sa.String(20))


class BigKey(Base):
    """A key that is not generated, and one of a type that SQLite cannot generate."""

    __tablename__ = "ks_big_key"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True
    )
    label: Mapped[str] = mapped_column(sa.String(20), unique=True)


class Parent(Base):
    """A composite key, which others refer to."""

    __tablename__ = "ks_parent"

    region: Mapped[str] = mapped_column(sa.String(10), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    title: Mapped[str] = mapped_column(sa.String(100), index=True)
    slug: Mapped[str] = mapped_column(sa.String(100), unique=True, index=True)


class Child(Base):
    """Constraints and indexes of every kind, named by hand and by the convention."""

    __tablename__ = "ks_child"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["parent_region", "parent_number"],
            ["ks_parent.region", "ks_parent.number"],
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("code", "tag"),
        sa.UniqueConstraint("tag", "rank", name="uq_by_hand"),
        sa.CheckConstraint("rank > 0", name="rank_is_positive"),
        sa.CheckConstraint("code <> ''", name=sa.schema.conv("check_by_hand")),
        sa.CheckConstraint("tag <> '5%' AND tag <> 'a \\:b'", name="tag_is_odd"),
        sa.CheckConstraint("tag LIKE 'a%' OR tag IN ('x', 'y')", name="tag_is_known"),
        sa.Index("ix_by_hand", "code"),
        sa.Index("ix_two", "code", "rank"),
        sa.Index("ix_unique", "rank", "tag", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    parent_region: Mapped[str] = mapped_column(sa.String(10))
    parent_number: Mapped[int]
    sibling_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("ks_child.id", ondelete="SET NULL")
    )
    big_id: Mapped[int | None] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        sa.ForeignKey("ks_big_key.id", onupdate="CASCADE"),
        index=True,
    )
    code: Mapped[str] = mapped_column(sa.String(20), unique=True)
    tag: Mapped[str] = mapped_column(sa.String(20), index=True)
    rank: Mapped[int]


association = sa.Table(
    "ks_association",
    Base.metadata,
    sa.Column("child_id", sa.ForeignKey("ks_child.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("big_id", sa.ForeignKey("ks_big_key.id"), primary_key=True),
)
