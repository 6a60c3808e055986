"""`alembic/HEAD` names the newest revision: two branches that each add one conflict in git.

It is written after every new revision; by hand with `python -m …head`.
"""

import subprocess

from alembic.config import Config
from alembic.script import ScriptDirectory

from ..settings import ROOT

HEAD = ROOT / "alembic" / "HEAD"


def script_directory() -> ScriptDirectory:
    """Return the project's revisions, as their files are now."""
    return ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))


def newest(scripts: ScriptDirectory) -> str:
    """Return what the file has to say.

    That is the id of the newest revision, `base` when there is none, and one line for each
    when there are several, which `alembic merge` or `flask db rebase` is to put in a row.
    """
    return "\n".join(sorted(scripts.get_heads())) or "base"


def write() -> None:
    """Write the file anew."""
    HEAD.write_text(newest(script_directory()) + "\n", encoding="utf-8")


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
