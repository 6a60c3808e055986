"""Draws models, and changes to them, and writes them as Python."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, NamedTuple


class Expression(NamedTuple):
    """SQL with a column in the place of `{}`."""

    pattern: str
    column: str


@dataclass(frozen=True)
class Column:
    """A column; `kind` says what values it has, `type` is Python."""

    name: str
    kind: str
    type: str
    nullable: bool = True
    default: str | None = None
    computed: Expression | None = None
    persisted: bool = True
    comment: str | None = None
    index: bool = False
    unique: bool = False

    @property
    def has_identity(self) -> bool:
        """Whether the server numbers the rows."""
        return (self.default or "").startswith("sa.Identity(")


@dataclass(frozen=True)
class Index:
    """An index; a part is a column, with `desc`, or in an expression."""

    name: str
    parts: tuple[Expression, ...]
    unique: bool = False
    where: Expression | None = None


@dataclass(frozen=True)
class Unique:
    """A unique constraint; without a name the convention gives it one."""

    name: str | None
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """A CHECK constraint."""

    name: str
    condition: Expression


@dataclass(frozen=True)
class Key:
    """A foreign key to the `id` of a table."""

    name: str
    target: str
    options: str = ""
    use_alter: bool = False


@dataclass(frozen=True)
class Table:
    """A table with an `id` beside these columns."""

    name: str
    id: str
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...] = ()
    uniques: tuple[Unique, ...] = ()
    checks: tuple[Check, ...] = ()
    keys: tuple[Key, ...] = ()
    comment: str | None = None
    schema: str | None = None


@dataclass(frozen=True)
class Schema:
    """All models of a database."""

    database: str
    tables: tuple[Table, ...]
    enums: dict[str, tuple[str, ...]] = field(default_factory=dict)


S, P, M = "sqlite", "postgresql", "mysql"
SOME = (S, P, M)
# By the kind of values: texts, with the databases that have them.
Kinds = dict[str, dict[str, tuple[str, ...]]]

# For each kind of values: the types, and the server defaults, with the databases that have them.
TYPES: Kinds = {
    "number": {
        "sa.Integer()": SOME,
        "sa.BigInteger()": SOME,
        "sa.SmallInteger()": SOME,
        "sa.Numeric(9, 2)": SOME,
        "sa.Numeric(12, 4)": SOME,
        "sa.Float()": SOME,
        "mysql.INTEGER(unsigned=True)": (M,),
        "mysql.TINYINT()": (M,),
    },
    "text": {
        "sa.String(20)": SOME,
        "sa.String(40)": SOME,
        "sa.Text()": SOME,
        "sa.CHAR(10)": SOME,
        'sa.String(20, collation="NOCASE")': (S,),
        'sa.String(20, collation="C")': (P,),
        'sa.String(20, collation="utf8mb4_bin")': (M,),
    },
    "flag": {"sa.Boolean()": SOME, 'sa.Boolean(create_constraint=True, name="{0}_flag")': SOME},
    "moment": {
        "sa.DateTime()": SOME,
        "sa.DateTime(timezone=True)": (S, P),
        "mysql.DATETIME(fsp=3)": (M,),
        "postgresql.TIMESTAMP(precision=3)": (P,),
    },
    "day": {"sa.Date()": SOME},
    "clock": {"sa.Time()": SOME},
    "bytes": {"sa.LargeBinary()": SOME},
    "json": {"sa.JSON()": SOME, "postgresql.JSONB()": (P,)},
    "uuid": {"sa.Uuid()": SOME},
    "enum": {"mood": SOME, "size": SOME},
    "choice": {
        'sa.Enum("a", "b", native_enum=False, length=9, create_constraint=True, name="{0}_in")': SOME,
        'sa.Enum("a", "c%", native_enum=False, length=9, create_constraint=True, name="{0}_in")': SOME,
        'sa.Enum("a", "b", native_enum=False, length=9)': SOME,
    },
    "list": {"postgresql.ARRAY(sa.Integer())": (P,), "postgresql.ARRAY(sa.Text())": (P,)},
    "span": {"sa.Interval()": (P,)},
}
DEFAULTS: Kinds = {
    "number": {
        '"0"': SOME,
        '"42"': SOME,
        'sa.text("7")': SOME,
        'sa.text("(1 + 2)")': SOME,
        'sa.text("((1 + 2) * (3 + 1))")': SOME,
        'sa.text("(abs(-4))")': SOME,
        "sa.Identity()": (P,),
        "sa.Identity(always=True, start=5)": (P,),
    },
    "text": {
        '""': SOME,
        '"x"': SOME,
        '"it\'s"': SOME,
        '"5% :x"': SOME,
        '"(x)"': SOME,
        '"two\\nlines"': SOME,
        "sa.text(\"'text'\")": SOME,
        "sa.text(\"('a' || 'b')\")": (S, P),
        "sa.text(\"(lower('A') || upper('b'))\")": (S, P),
        "sa.text(\"(concat('a', 'b'))\")": (P, M),
        'sa.func.lower("ABC")': SOME,
    },
    "flag": {"sa.true()": SOME, "sa.false()": SOME},
    "moment": {
        "sa.func.now()": SOME,
        'sa.text("CURRENT_TIMESTAMP")': SOME,
        '"2000-01-01 00:00:00"': SOME,
    },
    "day": {'"2000-01-01"': SOME, "sa.func.current_date()": (S, P), 'sa.text("(curdate())")': (M,)},
    "clock": {'"12:30:00"': SOME},
    "bytes": {"sa.text(\"x'00'\")": (S,)},
    "json": {
        '"{{}}"': SOME,
        '"[]"': SOME,
        "sa.text(\"(json_object('a', 1))\")": (S, M),
        "sa.text(\"json_build_object('a', 1)\")": (P,),
    },
    "uuid": {
        'sa.text("gen_random_uuid()")': (P,),
        'sa.text("(lower(hex(randomblob(16))))")': (S,),
    },
    "choice": {'"a"': SOME},
    "enum": {'"a"': SOME},
    "list": {'"{{}}"': (P,)},
    "span": {'"1 hour"': (P,)},
}
COMPUTED: Kinds = {
    "number": {"{} + 1": SOME, "{} * (2 + 1)": SOME, "abs({})": SOME},
    "text": {"{} || '!'": (S, P), "lower({})": SOME, "substr({}, 1, (1 + 1))": SOME},
}
CHECKS: Kinds = {
    "number": {"{} > 0": SOME, "{} >= 0": SOME, "{} BETWEEN 1 AND 9 OR {} IN (20, 30)": SOME},
    "text": {
        "{} <> ''": SOME,
        "length({}) > 2": SOME,
        "{} LIKE 'a%' OR {} = 'b'": SOME,
        "{} <> 'x \\\\:y, (z)'": SOME,
    },
    "moment": {"{} > '2000-01-01'": SOME},
    "day": {"{} > '2000-01-01'": SOME},
}
# An index in MariaDB has neither expressions nor conditions.
INDEXED: Kinds = {
    "number": {"({} + 1)": (S, P)},
    "text": {
        "lower({})": (S, P),
        "substr({}, 1, 3)": (S, P),
        "lower({}) DESC": (S, P),
        "{} COLLATE NOCASE": (S,),
    },
}
CONDITIONS: Kinds = {
    "number": {"{} > 0": (S, P), "{} IS NOT NULL": (S, P)},
    "text": {"{} <> 'x'": (S, P), "{} IS NOT NULL": (S, P), "{} LIKE 'a%'": (S, P)},
    "flag": {"{}": (S, P)},
}
MEMBERS = (("a", "b"), ("a", "b", "c"), ("a", "it's", "b"), ("a", "5%"), ("a", "B b", "b"))
# Always the same for a table: a key's identity is not compared with a SERIAL.
IDS = (
    "primary_key=True",
    "sa.Identity(), primary_key=True",
    "sa.Identity(always=True, start=10), primary_key=True",
)
# Always the same for a table: Alembic does not compare them.
OPTIONS = {
    (S, "t2"): "sqlite_autoincrement=True",
    (S, "Order"): "sqlite_with_rowid=False",
}
# Of foreign keys, with the databases that have them.
KEY_OPTIONS = {
    "": SOME,
    "ondelete='CASCADE'": SOME,
    "ondelete='SET NULL'": SOME,
    "onupdate='CASCADE', ondelete='CASCADE'": SOME,
    "deferrable=True, initially='DEFERRED'": (S, P),
}
COMMENTS = (None, None, None, "a comment", "it's 5% :x", 'say "hi"')
# A word of SQL, and names that have to be quoted.
NAMES = ("t1", "t2", "Order", "group")
QUOTED = ("order", "Mixed")
COLUMNS = ("c1", "c2", "c3", "order", "Mixed", "c6")


def names_for(database: str, table: dict[str, tuple[str, ...]]) -> list[str]:
    """Return what `database` has of a table of texts and databases."""
    return [text for text, databases in table.items() if database in databases]


def with_items(table: Table, field_name: str, items: list[Any]) -> Table:
    """Return `table` with other items in a field."""
    changes: dict[str, Any] = {field_name: tuple(items)}
    return replace(table, **changes)


def is_indexable(column: Column, database: str) -> bool:
    """Return whether `database` can index a column without being told how."""
    unindexable = {P: ("json",), M: ("json", "bytes"), S: ()}[database]
    return column.kind not in unindexable and not (database == M and column.type == "sa.Text()")


# Drawing


def drawn_column(dice: Random, database: str, name: str, others: tuple[Column, ...]) -> Column:
    """Draw a column of a table that has `others`."""
    kinds = [kind for kind, types in TYPES.items() if names_for(database, types)]
    kind = dice.choice([*kinds, "number", "text", "number", "text"])
    bases = [c for c in others if c.kind in COMPUTED and c.computed is None and c.name != name]
    comment = dice.choice(COMMENTS)
    if bases and dice.randint(0, 2) == 2:
        base = dice.choice(bases)
        pattern = dice.choice(names_for(database, COMPUTED[base.kind]))
        return Column(
            name,
            base.kind,
            {"number": "sa.Integer()", "text": "sa.String(50)"}[base.kind],
            computed=Expression(pattern, base.name),
            persisted=database == P or dice.random() < 0.5,
            comment=comment,
            index=dice.random() < 0.5,
        )
    return Column(
        name,
        kind,
        dice.choice(names_for(database, TYPES[kind])),
        nullable=dice.random() < 0.5,
        default=defaults(dice, database, kind),
        comment=comment,
        index=dice.randint(0, 3) == 3,
        unique=dice.randint(0, 7) == 7,
    )


def defaults(dice: Random, database: str, kind: str) -> str | None:
    """Draw the Python text of a server default; none half of the time."""
    there = names_for(database, DEFAULTS.get(kind, {}))
    return dice.choice([None, dice.choice(there)]) if there else None


def expressions(dice: Random, database: str, patterns: Kinds, table: Table) -> Expression | None:
    """Draw an expression of `patterns` on a column of `table`, if there is a column for one."""
    fit = [c for c in table.columns if names_for(database, patterns.get(c.kind, {}))]
    if not fit:
        return None
    column = dice.choice(fit)
    return Expression(dice.choice(names_for(database, patterns[column.kind])), column.name)


def indexes(dice: Random, database: str, name: str, table: Table) -> Index | None:
    """Draw an index of `table`."""
    parts: list[Expression] = []
    fit = [c for c in table.columns if is_indexable(c, database)]
    for column in dice.sample(fit, dice.randint(0, min(2, len(fit)))):
        parts.append(Expression(dice.choice(["{}", "{}", "desc"]), column.name))
    if dice.random() < 0.5 and (expression := expressions(dice, database, INDEXED, table)):
        parts.append(expression)
    where = expressions(dice, database, CONDITIONS, table) if dice.random() < 0.5 else None
    return Index(name, tuple(parts), dice.random() < 0.5, where) if parts else None


def uniques(dice: Random, database: str, name: str, table: Table) -> Unique | None:
    """Draw a unique constraint of `table`."""
    fit = [c.name for c in table.columns if is_indexable(c, database)]
    if not fit:
        return None
    chosen = dice.sample(fit, dice.randint(1, min(2, len(fit))))
    return Unique(dice.choice([None, name]), tuple(chosen))


def checks(dice: Random, database: str, name: str, table: Table) -> Check | None:
    """Draw a CHECK of `table`."""
    condition = expressions(dice, database, CHECKS, table)
    return Check(name, condition) if condition else None


def keys(dice: Random, database: str, name: str, table: Table) -> Key:
    """Draw a foreign key of `table`, to any table, itself included."""
    return Key(
        name,
        dice.choice(NAMES),
        dice.choice(names_for(database, KEY_OPTIONS)),
        dice.random() < 0.5,
    )


# The items of a table: the field, the prefix of their names, how one is drawn.
ITEMS: dict[str, tuple[str, Any]] = {
    "indexes": ("ix", indexes),
    "uniques": ("uq", uniques),
    "checks": ("k", checks),
    "keys": ("key", keys),
}


def tables(dice: Random, database: str, name: str) -> Table:
    """Draw a table."""
    drawn: tuple[Column, ...] = ()
    for column in COLUMNS[: dice.randint(1, len(COLUMNS) - 1)]:
        drawn += (drawn_column(dice, database, column, drawn),)
    schema = dice.choice([None, None, "other"]) if database == P else None
    table = Table(
        name, IDS[NAMES.index(name) % len(IDS)], drawn, comment=dice.choice(COMMENTS), schema=schema
    )
    for items, (prefix, strategy) in ITEMS.items():
        for number in range(dice.randint(0, 2)):
            item = strategy(dice, database, f"{name}_{prefix}{number}", table)
            if item:
                table = with_items(table, items, [*getattr(table, items), item])
    return table


def schemas(dice: Random, database: str) -> Schema:
    """Draw the models of a database."""
    names = dice.sample(NAMES, dice.randint(1, 4))
    enums: dict[str, tuple[str, ...]] = {n: dice.choice(MEMBERS) for n in ("mood", "size")}
    return Schema(database, tuple(tables(dice, database, name) for name in names), enums)


def pairs(dice: Random, database: str) -> tuple[Schema, Schema]:
    """Draw models and what they become."""
    old = new = valid(schemas(dice, database))
    for _ in range(dice.randint(2, 8)):
        new = changed(dice, new)
    return old, valid(new)


def changed(dice: Random, schema: Schema) -> Schema:
    """Draw one change of `schema`."""
    database = schema.database
    there = {table.name: table for table in schema.tables}
    kind = dice.choice(["column", *ITEMS, "column", "column", "table", "enum", "comment", "retype"])
    if kind == "enum":
        name = dice.choice(sorted(schema.enums))
        return replace(schema, enums=schema.enums | {name: dice.choice(MEMBERS)})
    name = dice.choice(NAMES if kind == "table" or not there else sorted(there))
    if name not in there:
        return replace(schema, tables=(*schema.tables, tables(dice, database, name)))
    table = there.pop(name)
    match kind:
        case "table":
            return replace(schema, tables=tuple(there.values()))
        case "comment":
            table = replace(table, comment=dice.choice(COMMENTS))
        case "column" | "retype":
            table = replace(table, columns=changed_columns(dice, database, table, kind))
        case _:
            prefix, strategy = ITEMS[kind]
            item_name = f"{name}_{prefix}{dice.randint(0, 1)}"
            kept = [item for item in getattr(table, kind) if item.name != item_name]
            item = strategy(dice, database, item_name, table) if dice.random() < 0.7 else None
            table = with_items(table, kind, [*kept, item] if item else kept)
    tables_ = tuple(table if t.name == name else t for t in schema.tables)
    return replace(schema, tables=tables_)


def changed_columns(dice: Random, database: str, table: Table, how: str) -> tuple[Column, ...]:
    """Draw the columns of `table` with one added, dropped or changed."""
    there = [column.name for column in table.columns]
    name = dice.choice([*there, *there, *COLUMNS])
    old = next((column for column in table.columns if column.name == name), None)
    if old is None or how == "retype":
        # Another type of any kind is, for the most part, another column.
        new = drawn_column(dice, database, name, table.columns)
    else:
        changes = ["drop", "type", "type", "default", "default", "flip", "comment", "index"]
        change = dice.choice(changes)
        match change:
            case "drop":
                new = None
            case "type" if old.computed is None:
                types = names_for(database, TYPES[old.kind])
                new = replace(old, type=dice.choice(types))
            case "default" if old.computed is None:
                new = replace(old, default=defaults(dice, database, old.kind))
            case "type" | "default":
                patterns = names_for(database, COMPUTED[old.kind])
                assert old.computed is not None
                computed = Expression(dice.choice(patterns), old.computed.column)
                new = replace(old, computed=computed)
            case "comment":
                new = replace(old, comment=dice.choice(COMMENTS))
            case "index":
                new = replace(old, index=dice.random() < 0.5, unique=dice.random() < 0.5)
            case _:
                new = replace(old, nullable=not old.nullable)
    kept = {column.name: column for column in table.columns if new or column.name != name}
    return tuple((kept | ({name: new} if new else {})).values())


# What was drawn need not fit together


def valid(schema: Schema) -> Schema:
    """Return `schema` without what refers to something that is not there."""
    names = {table.name for table in schema.tables}
    return replace(
        schema, tables=tuple(_valid_table(schema.database, t, names) for t in schema.tables)
    )


def _valid_table(database: str, table: Table, tables: set[str]) -> Table:
    kept: dict[str, Column] = {}
    # A computed column needs a column of the same kind that is not computed.
    plain = {c.name: c for c in table.columns if c.computed is None}
    for column in table.columns:
        if column.computed is not None:
            base = plain.get(column.computed.column)
            if base is None or base.kind != column.kind:
                continue
            if database == M and base.type == "sa.CHAR(10)":
                continue  # MariaDB computes nothing from what it pads
            column = replace(column, nullable=True, default=None, unique=False)
        if column.has_identity:
            is_whole = "Integer()" in column.type
            column = replace(column, nullable=False, default=column.default if is_whole else None)
        if not is_indexable(column, database):
            column = replace(column, index=False, unique=False)
        kept[column.name] = column

    def fits(patterns: Kinds, expression: Expression) -> bool:
        column = kept.get(expression.column)
        return column is not None and expression.pattern in patterns.get(column.kind, {})

    def indexes_column(part: Expression) -> bool:
        column = kept.get(part.column)
        return column is not None and is_indexable(column, database)

    indexes = tuple(
        index
        for index in table.indexes
        if all(
            indexes_column(p) if p.pattern in ("{}", "desc") else fits(INDEXED, p)
            for p in index.parts
        )
        and (index.where is None or fits(CONDITIONS, index.where))
    )
    uniques = {
        (unique.name, unique.name or unique.columns): unique
        for unique in table.uniques
        if all(indexes_column(Expression("{}", name)) for name in unique.columns)
        # `unique=True` is the same constraint under the same name.
        and (unique.name or len(unique.columns) > 1 or not kept[unique.columns[0]].unique)
    }
    return replace(
        table,
        columns=tuple(kept.values()),
        indexes=indexes,
        uniques=tuple(uniques.values()),
        checks=tuple(check for check in table.checks if fits(CHECKS, check.condition)),
        keys=tuple(key for key in table.keys if key.target in tables),
    )


# A pair that fails is reduced


def smaller(pair: tuple[Schema, Schema]) -> Iterator[tuple[Schema, Schema]]:
    """Yield what is left of a pair without one thing, the largest things first."""
    old, new = pair
    yield from ((same, replace(same, tables=())) for same in (old, new))
    yield from ((same, same) for same in (old, new))
    tables = {table.name for schema in pair for table in schema.tables}
    for name in sorted(tables):
        old, new = (
            valid(replace(s, tables=tuple(t for t in s.tables if t.name != name))) for s in pair
        )
        yield old, new
    for name in sorted(tables):
        for items in (*ITEMS, "columns"):
            there = [getattr(t, items) for s in pair for t in s.tables if t.name == name]
            for item in dict.fromkeys(item for items_ in there for item in items_):
                yield _replaced(pair, name, items, item, None)
                for option in ("comment", "default", "index", "unique", "where", "options"):
                    if getattr(item, option, None):
                        plain = replace(item, **{option: type(item).__dict__[option]})
                        yield _replaced(pair, name, items, item, plain)


def _replaced(
    pair: tuple[Schema, Schema], name: str, items: str, old_item: Any, new_item: Any
) -> tuple[Schema, Schema]:
    """Return `pair` with one of the `items` of a table replaced; None removes it."""

    def replaced(table: Table) -> Table:
        if table.name != name:
            return table
        there = (new_item if item == old_item else item for item in getattr(table, items))
        return with_items(table, items, [item for item in there if item])

    old, new = (
        valid(replace(schema, tables=tuple(map(replaced, schema.tables)))) for schema in pair
    )
    return old, new


# As Python


def models(schema: Schema) -> str:
    """Return the module of `schema`, for a person to read."""
    schemas = {table.name: table.schema for table in schema.tables}
    text = "\n\n".join(_table(schema.database, table, schemas) for table in schema.tables)
    enums = [
        f"{name} = sa.Enum({', '.join(map(repr, members))}, name={name!r})"
        for name, members in schema.enums.items()
        if any(column.type == name for table in schema.tables for column in table.columns)
    ]
    return "\n".join(
        [
            "import sqlalchemy as sa",
            "from sqlalchemy.dialects import mysql, postgresql",
            "",
            "from ..database import Base",
            "",
            *enums,
            *[""] * bool(enums),
            text,
            "",
        ]
    )


def _table(database: str, table: Table, schemas: dict[str, str | None]) -> str:
    def sql(expression: Expression) -> str:
        """Return Python of the SQL of an expression."""
        quote = "`" if database == M else '"'
        name = expression.column
        quoted = f"{quote}{name}{quote}" if name in QUOTED else name
        return repr(expression.pattern.replace("{}", quoted)).replace("\\\\\\\\", "\\\\")

    def column(c: Column) -> Iterable[str]:
        yield repr(c.name)
        yield c.type.format(c.name)
        if c.computed is not None:
            yield f"sa.Computed({sql(c.computed)}, persisted={c.persisted})"
        if c.has_identity:
            yield str(c.default)
        if not c.nullable:
            yield "nullable=False"
        if c.default is not None and not c.has_identity:
            yield f"server_default={c.default.format(c.name)}"
        for flag in ("index", "unique"):
            if getattr(c, flag):
                yield f"{flag}=True"
        if c.comment is not None:
            yield f"comment={c.comment!r}"

    def part(p: Expression) -> str:
        if p.pattern == "{}":
            return repr(p.column)
        if p.pattern == "desc" and p.column not in QUOTED:
            return f"sa.desc({p.column!r})"
        return f"sa.text({sql(p._replace(pattern=p.pattern.replace('desc', '{} DESC')))})"

    lines = [f"sa.Column('id', sa.Integer(), {table.id})"]
    lines += [f"sa.Column({', '.join(column(c))})" for c in table.columns]
    for key in table.keys:
        schema = schemas[key.target]
        target = f"{schema}.{key.target}.id" if schema else f"{key.target}.id"
        lines.append(f"sa.Column({key.name!r}, sa.Integer())")
        options = f", {key.options}" if key.options else ""
        options += ", use_alter=True" if key.use_alter else ""
        lines.append(f"sa.ForeignKeyConstraint([{key.name!r}], [{target!r}]{options})")
    for unique in table.uniques:
        name = f", name={unique.name!r}" if unique.name else ""
        lines.append(f"sa.UniqueConstraint({', '.join(map(repr, unique.columns))}{name})")
    for check in table.checks:
        lines.append(f"sa.CheckConstraint({sql(check.condition)}, name={check.name!r})")
    for index in table.indexes:
        options = ", unique=True" if index.unique else ""
        if index.where is not None:
            options += f", {database}_where=sa.text({sql(index.where)})"
        lines.append(f"sa.Index({index.name!r}, {', '.join(map(part, index.parts))}{options})")
    if (database, table.name) in OPTIONS:
        lines.append(OPTIONS[database, table.name])
    for option in ("comment", "schema"):
        if getattr(table, option) is not None:
            lines.append(f"{option}={getattr(table, option)!r}")
    return "\n".join(
        ["sa.Table(", f"    {table.name!r},", "    Base.metadata,"]
        + [f"    {line}," for line in lines]
        + [")"]
    )
