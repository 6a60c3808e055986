"""Prints the SQL of revisions that a git commit lacks: `python -m migrator.revisions.sql COMMIT`."""

import sys
from argparse import ArgumentParser

from alembic.config import CommandLine

from ..errors import SettingsError
from ..paths import INI
from . import head
from .base import git, head_at, is_commit


def main(commit: str, section: str = "alembic") -> None:
    """Print the SQL from the newest revision of `commit` to the newest one here.

    Args:
        commit: as in `newest_at`.
        section: of alembic.ini, for a second database.

    Raises:
        SettingsError: there is no repository, or git does not know the commit.
    """
    start = newest_at(commit, section)
    if start != head.newest(head.history(section)):
        arguments = ["-c", str(INI), "-n", section, "upgrade", f"{start}:head", "--sql"]
        CommandLine().main(arguments)


def newest_at(commit: str, section: str) -> str:
    """Return the newest revision that a commit has, or `base`; several have a line each.

    Args:
        commit: where the branch began, as git knows it. A commit that has no HEAD file counts as
            one without revisions, and so does the zeros that GitHub gives for a new branch.
        section: of alembic.ini.

    Raises:
        SettingsError: there is no repository, or git does not know the commit.
    """
    git("rev-parse", "--git-dir")
    if commit.strip("0") and not is_commit(commit):
        raise SettingsError(f"git knows no commit {commit!r}; try origin/main.")
    return head_at(commit, section)


if __name__ == "__main__":
    parser = ArgumentParser("python -m migrator.revisions.sql", description=__doc__)
    parser.add_argument("commit", help="the branch's base, for example origin/main")
    parser.add_argument("section", nargs="?", default="alembic", help="of alembic.ini")
    given = parser.parse_args()
    try:
        main(given.commit, given.section)
    except SettingsError as problem:
        sys.exit(f"Error: {problem}")
