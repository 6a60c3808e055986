"""Where this branch began: what is running, as far as git can tell."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ..errors import SettingsError
from ..paths import ROOT
from .head import history

# The first of these that there is, is the main branch.
MAIN_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")


def git(*arguments: str, cwd: Path = ROOT, variables: Mapping[str, str] | None = None) -> str:
    """Run git, and return what it prints.

    Args:
        arguments: of git.
        cwd: the folder.
        variables: for its environment, in addition.

    Raises:
        SettingsError: there is no git, or it failed; the message is git's last line.
    """
    environment = os.environ | dict(variables or {})
    # No hook of the project's runs for what this package does.
    command = ["git", "-c", f"core.hooksPath={os.devnull}", *arguments]
    try:
        end = subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, encoding="utf-8", check=False
        )
    except FileNotFoundError as error:
        raise SettingsError("This needs git, which is not installed.") from error
    if end.returncode:
        lines = end.stderr.strip().splitlines() or [f"it ended with {end.returncode}"]
        raise SettingsError(f"git {arguments[0]}: {lines[-1]}")
    return end.stdout.strip()


def base_of_branch(branch: str | None = None) -> str:
    """Return the commit where this branch began.

    Args:
        branch: the main branch, or a commit, as git knows it; `MAIN_BRANCHES` when not given.

    Raises:
        SettingsError: there is no git or repository, or git does not know the branch.
    """
    for name in (branch,) if branch else MAIN_BRANCHES:
        if is_commit(name):
            return git("merge-base", name, "HEAD")
    git("rev-parse", "--git-dir")
    if branch:
        raise SettingsError(f"git knows no commit {branch!r}; try origin/main.")
    raise SettingsError(f"git knows none of {', '.join(MAIN_BRANCHES)}: name the main branch.")


def head_at(commit: str, section: str) -> str:
    """Return what `alembic/HEAD` says in a commit; `base` when there is no commit or file.

    Args:
        commit: as git knows it.
        section: of alembic.ini.
    """
    path = os.path.relpath(history(section).head, ROOT)
    try:
        return git("show", f"{commit}:./{path}")
    except SettingsError:
        return "base"


def is_commit(name: str) -> bool:
    """Return whether git knows a commit by this name; False without git or a repository."""
    try:
        return bool(git("rev-parse", "--quiet", "--verify", name + "^{commit}"))
    except SettingsError:
        return False
