"""SQLite renames no constraint and no index: a table is rebuilt with the new names."""

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
    """Return None: there is no such statement."""
    return None
