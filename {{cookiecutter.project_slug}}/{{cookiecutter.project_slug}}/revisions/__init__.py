"""The files in alembic/versions; importing it costs nothing, for each new one pays for it."""
