"""Formats a new revision file and notes it: `python -m migrator.revisions.finish FILE`."""

import subprocess
import sys
from importlib.util import find_spec

from . import head


def format_file(path: str) -> None:
    """Sort the imports of the Python file `path` and format it; without ruff, leave it be."""
    if find_spec("ruff"):
        ruff = [sys.executable, "-m", "ruff"]
        # Not every rule: an empty revision keeps the imports that its author will need.
        subprocess.run([*ruff, "check", "--select=I", "--fix", "--quiet", path], check=False)
        subprocess.run([*ruff, "format", "--quiet", path], check=False)


if __name__ == "__main__":
    format_file(sys.argv[1])
    head.write()
