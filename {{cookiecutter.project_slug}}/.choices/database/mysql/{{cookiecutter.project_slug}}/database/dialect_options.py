"""What Alembic has to be told about MySQL and MariaDB."""

from . import implementation  # noqa: F401

DIALECT_OPTIONS: dict[str, object] = {}
