"""The files in alembic/versions. Importing this package costs nothing: each new file pays for it."""
