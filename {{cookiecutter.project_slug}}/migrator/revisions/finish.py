"""Finishes a new revision file: formats it, and notes it in HEAD.

`script.py.mako` imports this module, so that Alembic runs it in its own process, and fails when it
does: https://alembic.sqlalchemy.org/en/latest/autogenerate.html#custom-post-processing-functions
"""

import subprocess
import sys
from importlib.util import find_spec

from alembic.script import write_hooks
from alembic.util import CommandError

from ..errors import SettingsError
from . import head


@write_hooks.register("finish")
def finish(path: str, options: dict[str, str]) -> None:
    """Format a new revision file and note it in HEAD.

    Args:
        path: the file.
        options: of the hook, in alembic.ini.

    Raises:
        CommandError: it cannot be formatted, or a revision cannot be read.
    """
    try:
        format_file(path)
        head.write()
    except (OSError, SettingsError, subprocess.CalledProcessError) as error:
        raise CommandError(f"{path} is written, but not finished: {error}") from error


def format_file(path: str) -> None:
    """Sort the imports of the Python file `path` and format it; without ruff, leave it be."""
    if find_spec("ruff"):
        ruff = [sys.executable, "-m", "ruff"]
        # Not every rule: an empty revision keeps the imports that its author will need.
        subprocess.run([*ruff, "check", "--select=I", "--fix", "--quiet", path], check=True)
        subprocess.run([*ruff, "format", "--quiet", path], check=True)
