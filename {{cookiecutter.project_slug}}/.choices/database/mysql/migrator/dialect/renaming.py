"""How MySQL and MariaDB rename an index, which a unique constraint is too: without a copy."""

from sqlalchemy.sql.compiler import IdentifierPreparer

# Whether a unique index and a unique constraint are the same thing.
UNIQUE_INDEX_IS_CONSTRAINT = True


def rename_statement(
    kind: str,
    quoting: IdentifierPreparer,
    schema: str | None,
    table: str,
    old: str,
    new: str,
) -> str | None:
    """Return the SQL that renames an index of a table; None for a CHECK, which keeps its name.

    Args:
        kind: `unique`, `index` or `check`.
        quoting: puts quotes around names that need them.
        schema: of the table; None for the default schema.
        table: its name.
        old: the name now.
        new: the name from then on.
    """
    if kind == "check":
        return None
    prefix = f"{quoting.quote_schema(schema)}." if schema else ""
    names = f"{quoting.quote(old)} TO {quoting.quote(new)}"
    return f"ALTER TABLE {prefix}{quoting.quote(table)} RENAME INDEX {names}"
