"""How PostgreSQL stores what the models declare: it is asked, once for all of it."""

import logging
import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SAWarning
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql.compiler import DDLCompiler

from ..definitions import Pair

log = logging.getLogger("alembic.autogenerate")

_LITERAL = re.compile(r"('(?:[^']|'')*')(?:::[^']+)?")
_QUOTED = re.compile(r"'(-?[\d.]+|true|false)'")

# The text that is stored for something in a relation. now() and CURRENT_TIMESTAMP are the same:
# https://www.postgresql.org/docs/current/functions-datetime.html#FUNCTIONS-DATETIME-CURRENT
_EXPRESSION = """
    SELECT replace(pg_get_expr(adbin, adrelid), 'CURRENT_TIMESTAMP', 'now()') FROM pg_attrdef
    JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
    WHERE adrelid = {relation}::regclass AND attname = {name}
"""
_STORED = {
    "default": _EXPRESSION,
    "computed": _EXPRESSION,
    "check": """
        SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint
        WHERE conrelid = {relation}::regclass AND conname = {name}
    """,
    "index": """
        SELECT indisunique::text || substring(pg_get_indexdef(indexrelid) FROM ' USING .*')
        FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        WHERE indrelid = {relation}::regclass AND relname = {name}
    """,
}


def has_same_text(declared: str, stored: str) -> bool:
    """Return whether two server defaults are the same without asking the server, as most are."""
    return _bare_default(declared) == _bare_default(stored)


def _bare_default(default: str) -> str:
    """Return `default` without a literal's type, and without the quotes of a number."""
    literal = _LITERAL.fullmatch(default)
    default = literal[1] if literal else default
    number = _QUOTED.fullmatch(default)
    return number[1] if number else default


def stored_otherwise(
    connection: sa.Connection, metadata: sa.MetaData, pairs: list[Pair]
) -> list[Pair]:
    """Return those of `pairs` whose two sides the server stores in different words.

    Each model is made as a temporary table with its own name, in a savepoint that is rolled back.
    What the server refuses is not what it has.

    Args:
        connection: in a transaction, which a refused definition does not end.
        metadata: of the models.
        pairs: of tables that are there.
    """
    if not pairs:
        return []
    alike = answers(connection, _script(connection.dialect, metadata, pairs))
    if alike is None:
        return [
            pair for pair in pairs if pair.kind == "default" and not pair.reflected.server_default
        ]
    return [pair for number, pair in enumerate(pairs) if pair.is_certain or number not in alike]


def answers(connection: sa.Connection, statements: Iterable[str]) -> set[int] | None:
    """Return the numbers that statements of PL/pgSQL put into the table `pg_temp.alembic_answer`.

    All that they make is gone then. None if the user may not make temporary tables.
    """
    body = " ".join(["CREATE TEMPORARY TABLE alembic_answer (number integer);", *statements])
    savepoint = connection.begin_nested()
    try:
        connection.exec_driver_sql(f"DO $alembic$ BEGIN {body} END $alembic$")
        return {*connection.scalars(sa.text("SELECT number FROM pg_temp.alembic_answer"))}
    except DBAPIError as error:
        reason = str(error.orig).splitlines()[0]
        log.warning("What the models declare in other words is not compared: %s", reason)
        return None
    finally:
        savepoint.rollback()


def _script(dialect: sa.Dialect, metadata: sa.MetaData, pairs: Iterable[Pair]) -> Iterator[str]:
    """Yield what puts the numbers of those that are stored alike into the table of answers."""
    default = dialect.default_schema_name
    models = {(table.schema or default, table.name): table for table in metadata.tables.values()}
    tables: dict[sa.Table, list[tuple[int, Pair]]] = defaultdict(list)
    for number, pair in enumerate(pairs):
        # Alembic gives a constraint that it renders another table.
        there = pair.reflected.table
        tables[models[there.schema or default, there.name]].append((number, pair))
    for table, numbered in tables.items():
        yield from _questions(dialect, table, numbered)


def _questions(
    dialect: sa.Dialect, table: sa.Table, numbered: list[tuple[int, Pair]]
) -> Iterator[str]:
    quote = dialect.identifier_preparer.quote
    schema = quote(str(table.schema or dialect.default_schema_name))
    probe, there = (f"{name}.{quote(table.name)}" for name in ("pg_temp", schema))
    compiler = dialect.ddl_compiler(dialect, None)  # type: ignore[arg-type]
    asked = {pair.model for _, pair in numbered if pair.kind == "computed"}
    yield f"CREATE TEMPORARY TABLE alembic_there (LIKE {there});"
    yield f"CREATE TEMPORARY TABLE {quote(table.name)} ();"
    for column in table.columns:
        if column not in asked:
            type_ = dialect.type_compiler_instance.process(column.type, type_expression=column)
            yield guarded(execute(f"ALTER TABLE {probe} ADD {quote(column.name)} {type_}"))
    # Columns come before what is on them.
    for number, pair in sorted(numbered, key=lambda item: [*_STORED].index(item[1].kind)):
        name = str(pair.reflected.name)
        match pair.kind:
            case "default":
                default = compiler.get_column_default_string(pair.model)
                made = f"ALTER TABLE {probe} ALTER {quote(name)} SET DEFAULT {default}"
            case "computed":
                # What the server makes of STORED or VIRTUAL is said when the table is made.
                with warnings.catch_warnings(category=SAWarning, action="ignore"):
                    made = compiler.get_column_specification(pair.model)
                made = f"ALTER TABLE {probe} ADD {made}"
            case "check":
                made = f"ALTER TABLE {probe} ADD {compiler.process(pair.model)}"
            case "index":
                made = str(CreateIndex(pair.model).compile(dialect=dialect))
                made = made.replace("INDEX CONCURRENTLY ", "INDEX ", 1)
                of_table = f" ON {compiler.preparer.format_table(table)} "
                made = made.replace(of_table, f" ON {probe} ", 1)

        def stored(relation: str, name: str, kind: str = pair.kind) -> str:
            names = {"relation": _literal(compiler, relation), "name": _literal(compiler, name)}
            return f"({_STORED[kind].format(**names)})"

        new, old = stored(probe, name), stored(there, name)
        statements = [execute(made)]
        if pair.kind == "check":
            # Read again, as by a later ALTER TABLE or by a downgrade, the server's own words may
            # become other ones, and then no more.
            again = f"alembic_{number}"
            for relation, text in ((probe, new), ("pg_temp.alembic_there", old)):
                add = f"ALTER TABLE {relation} ADD CONSTRAINT {again} CHECK "
                statements.append(f"EXECUTE $sql${add}($sql$ || {text} || ')';")
            new, old = stored(probe, again), stored("pg_temp.alembic_there", again)
        statements.append(
            f"INSERT INTO alembic_answer SELECT {number} WHERE {new} IS NOT DISTINCT FROM {old};"
        )
        yield guarded(*statements)
    yield f"DROP TABLE pg_temp.alembic_there, {probe};"


def execute(statement: str) -> str:
    return f"EXECUTE $sql${statement}$sql$;"


def guarded(*statements: str) -> str:
    """Return a block of PL/pgSQL that goes on if the server refuses something."""
    return f"BEGIN {' '.join(statements)} EXCEPTION WHEN OTHERS THEN NULL; END;"


def _literal(compiler: DDLCompiler, value: str) -> str:
    return compiler.sql_compiler.render_literal_value(value, sa.String())
