"""What alembic/env.py needs to run revisions."""
