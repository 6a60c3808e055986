"""Mends alembic_postgresql_enum 1.11: it adds a member behind the one it should stand before."""

from alembic_postgresql_enum.operations import add_enum_values
from sqlalchemy import Connection


def apply() -> None:
    """Replace the library's function."""
    add_enum_values.add_value_before = add_value_before  # type: ignore[attr-defined]


def add_value_before(
    connection: Connection, enum_type_name: str, neighbor_value: str, enum_value: str
) -> None:
    """Add a member before another one."""
    new, neighbor = (value.replace("'", "''") for value in (enum_value, neighbor_value))
    connection.exec_driver_sql(f"ALTER TYPE {enum_type_name} ADD VALUE '{new}' BEFORE '{neighbor}'")
