"""What a model's table may change from and to, and what autogenerate has to find."""

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.schema import SchemaItem

ALL = ("sqlite", "postgresql", "mysql")
SERVERS = ("postgresql", "mysql")

Items = Callable[[], list[SchemaItem]]


@dataclass(frozen=True)
class Change:
    """One change of a table `t`, which has a key `id` beside the items.

    `expected` are the names of the differences as `alembic.autogenerate.compare_metadata`
    calls them, sorted; empty for what has to go unnoticed.
    """

    name: str
    old: Items
    new: Items
    expected: tuple[str, ...]
    databases: tuple[str, ...] = ALL


def column(type_: sa.types.TypeEngine, default: object = None, **options: object) -> Items:
    """Return what makes a column `c`, which has to be made anew for each table."""
    return lambda: [sa.Column("c", type_, server_default=default, **options)]  # type: ignore[arg-type]


def default(name: str, type_: sa.types.TypeEngine, old: object, new: object) -> Change:
    """Return a change of the server default alone."""
    return Change(name, column(type_, old), column(type_, new), ("modify_default",))


def check(condition: str) -> Items:
    """Return a column `c` and a CHECK."""
    return lambda: [sa.Column("c", sa.Integer), sa.CheckConstraint(condition, name="check")]


def computed(expression: str) -> Items:
    """Return a column `c`, and an indexed one that is computed from it."""
    return lambda: [
        sa.Column("c", sa.Integer),
        sa.Column("d", sa.Integer, sa.Computed(expression, persisted=True), index=True),
    ]


C = sa.Column
now = sa.func.now()

CHANGES = [
    # Types
    Change("integer to big", column(sa.Integer()), column(sa.BigInteger()), ("modify_type",)),
    Change("integer to string", column(sa.Integer()), column(sa.String(9)), ("modify_type",)),
    Change("string length", column(sa.String(20)), column(sa.String(30)), ("modify_type",)),
    Change("string to text", column(sa.String(20)), column(sa.Text()), ("modify_type",)),
    Change("numeric scale", column(sa.Numeric(9, 2)), column(sa.Numeric(9, 3)), ("modify_type",)),
    Change("date to datetime", column(sa.Date()), column(sa.DateTime()), ("modify_type",)),
    Change("integer to numeric", column(sa.Integer()), column(sa.Numeric(9, 2)), ("modify_type",)),
    Change("float to numeric", column(sa.Float()), column(sa.Numeric(9, 2)), ("modify_type",)),
    Change("string to binary", column(sa.String(9)), column(sa.LargeBinary()), ("modify_type",)),
    Change(
        "time precision",
        column(sa.DateTime(), "2000-01-01"),
        column(pg.TIMESTAMP(precision=3), "2000-01-01"),
        ("modify_type",),
        ("postgresql",),
    ),
    Change(
        "identity removed",
        lambda: [C("c", sa.Integer, sa.Identity(always=True, start=5), nullable=False)],
        lambda: [C("c", sa.Integer, nullable=False)],
        ("modify_default",),
        ("postgresql",),
    ),
    Change(
        "computed column in the condition of an index",
        lambda: [
            C("c", sa.Integer),
            C("d", sa.Integer, sa.Computed("abs(c)", persisted=True)),
            sa.Index("i", "c", postgresql_where=sa.text("d > 0")),
        ],
        lambda: [
            C("c", sa.Integer),
            C("d", sa.Integer, sa.Computed("abs(c) + 1", persisted=True)),
            sa.Index("i", "c", postgresql_where=sa.text("d > 0")),
        ],
        ("add_column", "add_index", "remove_column", "remove_index"),
        ("postgresql",),
    ),
    Change(
        "unique order",
        lambda: [C("c", sa.Integer), C("d", sa.Integer), sa.UniqueConstraint("c", "d", name="u")],
        lambda: [C("c", sa.Integer), C("d", sa.Integer), sa.UniqueConstraint("d", "c", name="u")],
        ("add_constraint", "remove_constraint"),
    ),
    Change(
        "time zone",
        column(sa.DateTime()),
        column(sa.DateTime(timezone=True)),
        ("modify_type",),
        ("postgresql",),
    ),
    Change("to jsonb", column(sa.JSON()), column(pg.JSONB()), ("modify_type",), ("postgresql",)),
    Change(
        "array item",
        column(pg.ARRAY(sa.Integer())),
        column(pg.ARRAY(sa.String(5))),
        ("modify_type",),
        ("postgresql",),
    ),
    Change(
        "unsigned",
        column(mysql.INTEGER()),
        column(mysql.INTEGER(unsigned=True)),
        ("modify_type",),
        ("mysql",),
    ),
    Change(
        "enum member",
        column(sa.Enum("a", "b", name="e")),
        column(sa.Enum("a", "b", "c", name="e")),
        ("modify_type",),
        ("mysql",),
    ),
    Change(
        "enum member",
        column(sa.Enum("a", "b", name="e")),
        column(sa.Enum("a", "b", "c", name="e")),
        ("add_enum_value",),
        ("postgresql",),
    ),
    Change(
        "enum member gone",
        column(sa.Enum("a", "b", name="e"), "a"),
        column(sa.Enum("a", name="e"), "a"),
        ("change_enum_variants",),
        ("postgresql",),
    ),
    # Server defaults
    Change("default added", column(sa.Integer()), column(sa.Integer(), "1"), ("modify_default",)),
    Change("default removed", column(sa.Integer(), "1"), column(sa.Integer()), ("modify_default",)),
    Change(
        "string default removed",
        column(sa.String(9), "x"),
        column(sa.String(9)),
        ("modify_default",),
    ),
    Change("now added", column(sa.DateTime()), column(sa.DateTime(), now), ("modify_default",)),
    Change("now removed", column(sa.DateTime(), now), column(sa.DateTime()), ("modify_default",)),
    default("boolean default", sa.Boolean(), sa.true(), sa.false()),
    default("boolean text default", sa.Boolean(), "1", "0"),
    default("integer default", sa.Integer(), "1", "2"),
    default("integer text default", sa.Integer(), sa.text("1"), sa.text("-1")),
    default("numeric default", sa.Numeric(9, 2), "0.00", "0.50"),
    default("float default", sa.Float(), "1.5", "2.5"),
    default("string default", sa.String(9), "a", "b"),
    default("string default's case", sa.String(9), "a", "A"),
    default("string default to empty", sa.String(9), "a", ""),
    default("string default from empty", sa.String(9), "", "a"),
    default("string default with a quote", sa.String(9), "its", "it's"),
    default("string default with blanks", sa.String(9), "x", " x "),
    default("string default with percent", sa.String(9), "5%", "6%"),
    default("date default", sa.Date(), "2000-01-01", "2000-01-02"),
    default("fixed to now", sa.DateTime(), "2000-01-01 00:00:00", now),
    Change(
        "json default",
        column(sa.JSON(), "{}"),
        column(sa.JSON(), "[]"),
        ("modify_default",),
    ),
    Change(
        "enum default",
        column(sa.Enum("a", "b", name="e"), "a"),
        column(sa.Enum("a", "b", name="e"), "b"),
        ("modify_default",),
    ),
    Change(
        "word for a function",
        column(sa.String(30), sa.text("CURRENT_TIMESTAMP")),
        column(sa.String(30), "CURRENT_TIMESTAMP"),
        ("modify_default",),
        ("sqlite", "postgresql"),
    ),
    Change(
        "on update",
        column(sa.DateTime(), sa.text("CURRENT_TIMESTAMP")),
        column(sa.DateTime(), sa.text("CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP")),
        ("modify_default",),
        ("mysql",),
    ),
    Change(
        "uuid default",
        column(sa.Uuid()),
        column(sa.Uuid(), sa.func.gen_random_uuid()),
        ("modify_default",),
        ("postgresql",),
    ),
    Change(
        "type and default",
        column(sa.String(9), "1", nullable=False),
        column(sa.Text(), "2", nullable=False),
        ("modify_default", "modify_type"),
    ),
    # The same thing said in another way
    Change(
        "now as text",
        column(sa.DateTime(), now),
        column(sa.DateTime(), sa.text("now()")),
        (),
        SERVERS,
    ),
    Change(
        "true as text", column(sa.Boolean(), sa.true()), column(sa.Boolean(), "1"), (), ("mysql",)
    ),
    Change(
        "number as text", column(sa.Integer(), "1"), column(sa.Integer(), sa.text("1")), (), SERVERS
    ),
    # Columns
    Change(
        "nullable", column(sa.Integer()), column(sa.Integer(), nullable=False), ("modify_nullable",)
    ),
    Change("column added", list, column(sa.String(9), "x", nullable=False), ("add_column",)),
    Change("column removed", column(sa.String(9), "x"), list, ("remove_column",)),
    Change(
        "comment",
        column(sa.Integer(), comment="one"),
        column(sa.Integer(), comment="two's 5%"),
        ("modify_comment",),
        SERVERS,
    ),
    Change(
        "comment removed",
        column(sa.Integer(), comment="one"),
        column(sa.Integer()),
        ("modify_comment",),
        SERVERS,
    ),
    # Indexes and constraints
    Change("index added", column(sa.Integer()), column(sa.Integer(), index=True), ("add_index",)),
    Change(
        "index removed", column(sa.Integer(), index=True), column(sa.Integer()), ("remove_index",)
    ),
    Change(
        "index made unique",
        column(sa.Integer(), index=True),
        column(sa.Integer(), index=True, unique=True),
        ("add_index", "remove_index"),
    ),
    Change(
        "index of more columns",
        lambda: [C("c", sa.Integer), C("d", sa.Integer), sa.Index("i", "c")],
        lambda: [C("c", sa.Integer), C("d", sa.Integer), sa.Index("i", "c", "d")],
        ("add_index", "remove_index"),
    ),
    Change(
        "unique added",
        column(sa.Integer()),
        column(sa.Integer(), unique=True),
        ("add_constraint",),
        ("sqlite", "postgresql"),
    ),
    Change(
        "unique removed",
        column(sa.Integer(), unique=True),
        column(sa.Integer()),
        ("remove_constraint",),
        ("sqlite", "postgresql"),
    ),
    Change(
        "foreign key added",
        column(sa.Integer()),
        lambda: [C("c", sa.Integer, sa.ForeignKey("t.id"))],
        ("add_fk",),
    ),
    Change(
        "foreign key's cascade",
        lambda: [C("c", sa.Integer, sa.ForeignKey("t.id"))],
        lambda: [C("c", sa.Integer, sa.ForeignKey("t.id", ondelete="CASCADE"))],
        ("add_fk", "remove_fk"),
    ),
    Change(
        "indexed foreign key removed",
        lambda: [C("c", sa.Integer, sa.ForeignKey("t.id"), index=True)],
        list,
        ("remove_column", "remove_fk", "remove_index"),
    ),
    Change(
        "check added",
        lambda: [C("c", sa.Integer)],
        lambda: [C("c", sa.Integer), sa.CheckConstraint("c > 0", name="positive")],
        ("add_constraint",),
    ),
    Change(
        "check removed",
        lambda: [C("c", sa.Integer), sa.CheckConstraint("c > 0", name="positive")],
        lambda: [C("c", sa.Integer)],
        ("remove_constraint",),
    ),
    Change(
        "check of an enum",
        column(sa.Enum("a", "b", name="e", native_enum=False, create_constraint=True)),
        column(sa.String(1)),
        ("remove_constraint",),
    ),
    Change(
        "fractions of a second",
        column(mysql.DATETIME()),
        column(mysql.DATETIME(fsp=6)),
        ("modify_type",),
        ("mysql",),
    ),
    # What Alembic does not compare
    Change(
        "check", check("c > 0"), check("c > 1"), ("add_constraint", "remove_constraint"), SERVERS
    ),
    Change(
        "check in other words",
        check("(c>0) AND c BETWEEN 1 and 5 or C IN (7,8)"),
        check("c > 0 AND (c BETWEEN 1 AND 5) OR c IN (7, 8)"),
        (),
        SERVERS,
    ),
    Change(
        "members of a check",
        column(sa.Enum("a", "b", name="e", native_enum=False, create_constraint=True)),
        column(sa.Enum("a", "c", name="e", native_enum=False, create_constraint=True)),
        ("add_constraint", "remove_constraint"),
        SERVERS,
    ),
    Change(
        "check and type",
        lambda: [C("c", sa.Date), sa.CheckConstraint("c > '2000-01-01'", name="new")],
        lambda: [C("c", sa.DateTime), sa.CheckConstraint("c > '2000-01-01'", name="new")],
        ("add_constraint", "modify_type", "remove_constraint"),
        ("postgresql",),
    ),
    Change(
        "check of a boolean",
        column(sa.Boolean(create_constraint=True, name="b")),
        column(sa.Boolean(create_constraint=True, name="b"), nullable=False),
        ("modify_nullable",),
        SERVERS,
    ),
    Change(
        "computed",
        computed("c * 2"),
        computed("c * 3"),
        ("add_column", "add_index", "remove_column", "remove_index"),
        SERVERS,
    ),
    Change("computed in other words", computed("(c*2)+1"), computed("c * 2 + 1"), (), SERVERS),
    Change(
        "computed no more",
        computed("c * 2"),
        lambda: [C("c", sa.Integer), C("d", sa.Integer, index=True)],
        ("add_column", "add_index", "remove_column", "remove_index"),
        SERVERS,
    ),
    Change(
        "condition of an index",
        lambda: [C("c", sa.Integer), sa.Index("i", "c", postgresql_where=sa.text("c > 0"))],
        lambda: [C("c", sa.Integer), sa.Index("i", "c", postgresql_where=sa.text("c > 1"))],
        ("add_index", "remove_index"),
        ("postgresql",),
    ),
    Change(
        "condition of an index gone",
        lambda: [C("c", sa.Integer), sa.Index("i", "c", postgresql_where=sa.text("c > 0"))],
        lambda: [C("c", sa.Integer), sa.Index("i", "c")],
        ("add_index", "remove_index"),
        ("postgresql",),
    ),
    Change(
        "expression of an index",
        lambda: [C("c", sa.String(9)), sa.Index("i", sa.text("(lower(c) || 'A')"))],
        lambda: [C("c", sa.String(9)), sa.Index("i", sa.text("(lower(c) || 'a')"))],
        ("add_index", "remove_index"),
        ("postgresql",),
    ),
    Change(
        "expression of an index in other words",
        lambda: [C("c", sa.String(9)), sa.Index("i", sa.text("(Lower(c)||'a')"))],
        lambda: [C("c", sa.String(9)), sa.Index("i", sa.func.lower(sa.column("c")) + "a")],
        (),
        ("postgresql",),
    ),
    Change(
        "names of the time",
        column(sa.DateTime(), sa.func.now()),
        column(sa.DateTime(), sa.text("CURRENT_TIMESTAMP")),
        (),
        SERVERS,
    ),
    Change(
        "cast of a default",
        column(sa.String(9), "x"),
        column(sa.Text(), "x"),
        ("modify_default", "modify_type"),
        ("postgresql",),
    ),
    Change(
        "text to number with a default",
        column(sa.String(9), "1"),
        column(sa.Integer(), "1"),
        ("modify_default", "modify_type"),
        ("postgresql",),
    ),
    Change(
        "text of two lines",
        column(sa.Text(), "a (\nb)", comment="one"),
        column(sa.Text(), "a (\nb)", comment="two"),
        ("modify_comment",),
        SERVERS,
    ),
    Change(
        "expression of two lines",
        column(sa.Text(), sa.text("('a'\n || 'b')"), comment="one"),
        column(sa.Text(), sa.text("('a'\n || 'b')"), comment="two"),
        ("modify_comment",),
        ("postgresql",),
    ),
    Change(
        "odd members",
        column(sa.Enum("a", name="e")),
        column(sa.Enum("5%", "a", "it's", name="e")),
        ("add_enum_value",),
        ("postgresql",),
    ),
    Change(
        "odd members gone",
        column(sa.Enum("5%", "a", "it's", name="e"), "it's"),
        column(sa.Enum("it's", "5%", name="e"), "it's"),
        ("change_enum_variants",),
        ("postgresql",),
    ),
    Change(
        "unique twice",
        lambda: [C("c", sa.Integer, unique=True), sa.UniqueConstraint("c", name="again")],
        lambda: [C("c", sa.Integer, unique=True), sa.UniqueConstraint("c", name="again")],
        (),
        SERVERS,
    ),
    Change(
        "expression default added",
        column(sa.String(9)),
        column(sa.String(9), sa.text("(concat('a', 'b'))")),
        ("modify_default",),
        SERVERS,
    ),
    Change(
        "expression default",
        column(sa.String(9), sa.text("(concat('a', ')'))"), comment="it's"),
        column(sa.String(9), sa.text("(concat('a', '('))"), comment="it's"),
        ("modify_default",),
        SERVERS,
    ),
    Change(
        "expression default stays",
        column(sa.Integer(), sa.text("((1 + 2) * (3 + 1))"), comment="it's"),
        column(sa.Integer(), sa.text("((1 + 2) * (3 + 1))"), comment="it's", nullable=False),
        ("modify_nullable",),
        SERVERS,
    ),
    Change(
        "expression default removed",
        column(sa.Integer(), sa.text("((1 + 2) * (3 + 1))")),
        column(sa.Integer()),
        ("modify_default",),
        SERVERS,
    ),
    Change(
        "collation",
        column(sa.String(9, collation="utf8mb4_bin")),
        column(sa.String(9)),
        ("modify_type",),
        ("mysql",),
    ),
    Change(
        "order of an index",
        lambda: [C("c", sa.Integer), sa.Index("i", sa.desc("c"))],
        lambda: [C("c", sa.Integer), sa.Index("i", "c")],
        ("add_index", "remove_index"),
        SERVERS,
    ),
    Change(
        "comment of a computed column",
        lambda: [C("c", sa.Integer), C("d", sa.Integer, sa.Computed("abs(c)", persisted=True))],
        lambda: [
            C("c", sa.Integer),
            C("d", sa.Integer, sa.Computed("abs(c)", persisted=True), comment="it's 5%"),
        ],
        ("modify_comment",),
        SERVERS,
    ),
    Change(
        "collation",
        column(sa.String(9, collation="C")),
        column(sa.String(9)),
        ("modify_type",),
        ("postgresql",),
    ),
    Change(
        "member and default gone",
        column(sa.Enum("a", "it's", name="e"), "it's"),
        column(sa.Enum("a", name="e"), "a"),
        ("change_enum_variants", "modify_default"),
        ("postgresql",),
    ),
    Change(
        "type below a computed column",
        computed("c * 2"),
        lambda: [
            C("c", sa.BigInteger),
            C("d", sa.Integer, sa.Computed("c * 2", persisted=True), index=True),
        ],
        ("add_column", "add_index", "modify_type", "remove_column", "remove_index"),
        ("postgresql",),
    ),
    Change(
        "computed with a check on it",
        lambda: [
            C("c", sa.Integer),
            C("d", sa.Numeric(9, 2)),
            sa.CheckConstraint("d > 0", name="set"),
        ],
        lambda: [
            C("c", sa.Integer),
            C("d", sa.Integer, sa.Computed("c * 2", persisted=True)),
            sa.CheckConstraint("d > 0", name="set"),
        ],
        ("add_column", "add_constraint", "remove_column", "remove_constraint"),
        SERVERS,
    ),
]
