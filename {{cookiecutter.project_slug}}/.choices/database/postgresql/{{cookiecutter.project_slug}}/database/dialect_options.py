"""What Alembic has to be told about PostgreSQL."""

# Teaches autogenerate enum types, and gives revisions op.sync_enum_values.
import alembic_postgresql_enum  # noqa: F401

DIALECT_OPTIONS = {
    # Locks are held for one revision, not for all of them.
    "transaction_per_migration": True,
}
