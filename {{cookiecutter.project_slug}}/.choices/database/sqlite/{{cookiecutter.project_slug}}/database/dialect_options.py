"""What Alembic has to be told about SQLite."""

from . import implementation  # noqa: F401

DIALECT_OPTIONS = {
    # SQLite alters little in place: a table is rebuilt, its rows copied.
    "render_as_batch": True,
    # True once lock.py begins the transaction: then all revisions apply, or none.
    "transactional_ddl": True,
}
