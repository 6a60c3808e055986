"""`alembic/HEAD` names the newest revision: two branches that each add one conflict in git.

Every new revision writes it; by hand: `python -m migrator.revisions.head`.
"""

import ast
import re
import subprocess
from pathlib import Path

from ..paths import HEAD, ROOT, VERSIONS

# Read, not imported: Alembic takes half a second to start.
_IDENTIFIER = re.compile(r"^(revision|down_revision)\b[^=\n]*=\s*(\([^)]*\)|.*)$", re.MULTILINE)


def newest(versions: Path = VERSIONS) -> str:
    """Return the file's text: the newest revision, or `base` when there is no revision.

    Several newest revisions have a line each, until `alembic merge` or `flask db rebase` puts
    them in a row.

    Args:
        versions: the folder of the revision files, which have their identifiers written out.
    """
    revisions: set[str] = set()
    followed: set[str] = set()
    for path in versions.glob("*.py"):
        found = dict(_IDENTIFIER.findall(path.read_text(encoding="utf-8")))
        if "revision" in found:
            revisions.add(ast.literal_eval(found["revision"]))
            before = ast.literal_eval(found.get("down_revision", "None"))
            followed.update([before] if isinstance(before, str) else before or ())
    return "\n".join(sorted(revisions - followed)) or "base"


def write() -> None:
    """Write the file."""
    HEAD.write_text(newest() + "\n", encoding="utf-8")


def at(commit: str) -> str | None:
    """Return what the file says in a git commit; None when there is no commit or file."""
    try:
        shown = subprocess.run(
            ["git", "show", f"{commit}:./alembic/HEAD"],
            cwd=ROOT,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    except FileNotFoundError:  # no git
        return None
    return None if shown.returncode else shown.stdout.strip()


if __name__ == "__main__":
    write()
