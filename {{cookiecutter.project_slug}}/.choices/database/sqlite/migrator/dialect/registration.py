"""What Alembic is told about SQLite, in one place."""

from functools import cache

from alembic.ddl.impl import _impls

from .implementation import Implementation
from .reflection import correct_reflection

DIALECT_OPTIONS = {
    # SQLite alters little in place: a table is rebuilt, its rows copied.
    "render_as_batch": True,
    # True once lock.py begins the transaction: then all revisions apply, or none.
    "transactional_ddl": True,
}


@cache
def register() -> None:
    """Have Alembic use this project's implementation and reflection, once per process."""
    _impls["sqlite"] = Implementation
    correct_reflection()
