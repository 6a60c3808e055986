"""What Alembic is told about MySQL and MariaDB, in one place."""

from alembic.ddl.impl import _impls

from .implementation import Implementation

DIALECT_OPTIONS: dict[str, object] = {}


def register() -> None:
    """Have Alembic use this project's implementation; once more changes nothing."""
    # For URLs that say mysql, and for those that say mariadb.
    _impls["mysql"] = _impls["mariadb"] = Implementation
