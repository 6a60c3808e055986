"""How PostgreSQL renames a constraint or an index: in its catalogue, without reading the table."""

from sqlalchemy.sql.compiler import IdentifierPreparer

# Whether a unique index and a unique constraint are the same thing.
UNIQUE_INDEX_IS_CONSTRAINT = False


def rename_statement(
    kind: str,
    quoting: IdentifierPreparer,
    schema: str | None,
    table: str,
    old: str,
    new: str,
) -> str | None:
    """Return the SQL that renames a constraint or an index of a table.

    Args:
        kind: `unique`, `index` or `check`.
        quoting: puts quotes around names that need them.
        schema: of the table; None for the default schema.
        table: its name.
        old: the name now.
        new: the name from then on.
    """
    prefix = f"{quoting.quote_schema(schema)}." if schema else ""
    if kind == "index":
        return f"ALTER INDEX {prefix}{quoting.quote(old)} RENAME TO {quoting.quote(new)}"
    names = f"{quoting.quote(old)} TO {quoting.quote(new)}"
    return f"ALTER TABLE {prefix}{quoting.quote(table)} RENAME CONSTRAINT {names}"
