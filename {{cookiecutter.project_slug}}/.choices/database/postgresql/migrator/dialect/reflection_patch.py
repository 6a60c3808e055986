"""Mends what SQLAlchemy 2.1.9 reflects of PostgreSQL.

A CHECK that is NOT VALID or NO INHERIT warns: PGDialect.get_multi_check_constraints returns
`dialect_options={"not_valid": True}` for it. Reflection passes that to CheckConstraint, which takes
`postgresql_not_valid`, and knows no NO INHERIT.

An expression in an index loses its operator class and its order: get_multi_indexes returns them by
the name of a column, and Table's reflection does not look them up for an expression.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy.dialects.postgresql.base import PGDialect

_checks: Any = PGDialect.get_multi_check_constraints
_indexes: Any = PGDialect.get_multi_indexes


def apply() -> None:
    """Replace the dialect's methods, in this process."""
    PGDialect.get_multi_check_constraints = get_multi_check_constraints  # type: ignore[assignment,method-assign]
    PGDialect.get_multi_indexes = get_multi_indexes  # type: ignore[assignment,method-assign]


def get_multi_check_constraints(
    dialect: PGDialect, *arguments: Any, **options: Any
) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    """Yield the CHECK constraints of tables, with options that CheckConstraint takes."""
    for table, constraints in _checks(dialect, *arguments, **options):
        for constraint in constraints:
            given = constraint.get("dialect_options", {})
            if {"not_valid", "no_inherit"} & given.keys():
                del constraint["dialect_options"]
                constraint["postgresql_not_valid"] = "not_valid" in given
        yield table, constraints


def get_multi_indexes(
    dialect: PGDialect, *arguments: Any, **options: Any
) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    """Yield the indexes of tables, with expressions that say all that is stored of them."""
    for table, indexes in _indexes(dialect, *arguments, **options):
        for index in indexes:
            classes = index.get("dialect_options", {}).get("postgresql_ops", {})
            orders = index.get("column_sorting", {})
            for number, part in enumerate(index.get("expressions", [])):
                if index["column_names"][number] is None:
                    order = (word.replace("_", " ").upper() for word in orders.pop(part, ()))
                    words = [part, *filter(None, [classes.pop(part, None)]), *order]
                    index["expressions"][number] = " ".join(words)
        yield table, indexes
