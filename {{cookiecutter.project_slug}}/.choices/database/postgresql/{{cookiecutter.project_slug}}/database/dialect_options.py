"""What Alembic has to be told about PostgreSQL."""

# They teach Alembic what it does not know of PostgreSQL; enum_types also gives revisions
# op.sync_enum_values and op.add_enum_values.
from . import enum_names, enum_types, implementation  # noqa: F401

DIALECT_OPTIONS = {
    # Locks are held for one revision, not for all of them.
    "transaction_per_migration": True,
}
