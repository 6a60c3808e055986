"""What a revision does that its downgrade cannot undo."""

import re
from collections.abc import Iterator

from alembic.operations import ops
from alembic.script import Script

from .operations import recorded

_SQL = {
    r"\bDROP\s+TABLE\b": "drops a table",
    r"\bDROP\s+COLUMN\b": "drops a column",
    r"\s*(TRUNCATE|DELETE\s+FROM)\b": "deletes rows",
    r"\s*UPDATE\b": "replaces values",
}


def losses(script: Script, dialect: str) -> list[str]:
    """Return `line N: what is lost` for each of a revision's operations that loses data.

    Args:
        script: the revision.
        dialect: SQLAlchemy's name for the database.
    """
    upgrade = recorded(script, dialect).operations
    found = [
        f"line {entry.lines[0]}: {what}"
        for entry in upgrade
        for what in dict.fromkeys(_lost(entry.operation))
    ]
    downgrade = recorded(script, dialect, "downgrade")
    if not downgrade.operations and not all(_only_validates(entry.operation) for entry in upgrade):
        found.append(f"its downgrade() {'stops' if downgrade.stopped_by else 'does nothing'}")
    return found


def _lost(operation: ops.MigrateOperation) -> Iterator[str]:
    match operation:
        case ops.DropTableOp(table_name=table):
            yield f"drops the table {table}"
        case ops.DropColumnOp(table_name=table, column_name=column):
            yield f"drops the column {table}.{column}"
        case ops.ExecuteSQLOp(sqltext=sql):
            yield from (
                what for sign, what in _SQL.items() if re.search(sign, str(sql), re.IGNORECASE)
            )


def _only_validates(operation: ops.MigrateOperation) -> bool:
    """Return whether there is nothing to undo."""
    sql = str(operation.sqltext) if isinstance(operation, ops.ExecuteSQLOp) else ""
    return bool(re.search(r"\bVALIDATE\s+CONSTRAINT\b", sql, re.IGNORECASE))
