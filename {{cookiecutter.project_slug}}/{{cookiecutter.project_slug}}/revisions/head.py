"""`alembic/HEAD` names the newest revision: two branches that each add one conflict in git.

It is written after every new revision; by hand with `python -m …revisions.head`.
"""

import ast
import re
import subprocess
from pathlib import Path

from ..settings import ROOT

HEAD = ROOT / "alembic" / "HEAD"
VERSIONS = ROOT / "alembic" / "versions"

# Read, not imported: Alembic takes half a second to start.
_IDENTIFIER = re.compile(r"^(revision|down_revision)\b[^=\n]*=\s*(\([^)]*\)|.*)$", re.MULTILINE)


def newest(versions: Path = VERSIONS) -> str:
    """Return what the file has to say.

    That is the id of the newest revision, `base` when there is none, and one line for each
    when there are several, which `alembic merge` or `flask db rebase` is to put in a row.

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
    """Write the file anew."""
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
