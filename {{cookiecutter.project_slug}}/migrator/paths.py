"""Where the project's files are."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
INI = ROOT / "alembic.ini"
INSTANCE = ROOT / "instance"
HEAD = ROOT / "alembic" / "HEAD"
