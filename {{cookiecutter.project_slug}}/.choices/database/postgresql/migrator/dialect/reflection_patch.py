"""Mends SQLAlchemy 2.1.9: reflecting a CHECK that is NOT VALID or NO INHERIT warns.

PGDialect.get_multi_check_constraints returns `dialect_options={"not_valid": True}` for it. Reflection
passes that to CheckConstraint, which takes `postgresql_not_valid`, and knows no NO INHERIT.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy.dialects.postgresql.base import PGDialect

_original: Any = PGDialect.get_multi_check_constraints


def apply() -> None:
    """Replace the dialect's method, in this process."""
    PGDialect.get_multi_check_constraints = get_multi_check_constraints  # type: ignore[assignment,method-assign]


def get_multi_check_constraints(
    dialect: PGDialect, *arguments: Any, **options: Any
) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    """Yield the CHECK constraints of tables, with options that CheckConstraint takes."""
    for table, constraints in _original(dialect, *arguments, **options):
        for constraint in constraints:
            given = constraint.get("dialect_options", {})
            if {"not_valid", "no_inherit"} & given.keys():
                del constraint["dialect_options"]
                constraint["postgresql_not_valid"] = "not_valid" in given
        yield table, constraints
