"""What Alembic is told about MySQL and MariaDB, in one place."""

from alembic.ddl.impl import _impls

from . import reflection
from .implementation import Implementation

DIALECT_OPTIONS: dict[str, object] = {}


def register() -> None:
    """Have Alembic use this project's implementation; once more changes nothing."""
    reflection.apply()
    # For URLs that say mysql, and for those that say mariadb.
    _impls["mysql"] = _impls["mariadb"] = Implementation
