"""What Alembic has to be told about MySQL and MariaDB."""

DIALECT_OPTIONS: dict[str, object] = {}
