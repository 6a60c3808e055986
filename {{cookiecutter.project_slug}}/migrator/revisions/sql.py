"""Prints the SQL of revisions that a git commit lacks: `python -m migrator.revisions.sql COMMIT`."""

import sys

from alembic.config import CommandLine

from ..paths import INI
from . import head


def main(commit: str, section: str = "alembic") -> None:
    """Print the SQL from the newest revision of `commit` to the newest one here.

    Args:
        commit: where the branch began, as git knows it. One that git does not have, or that
            has no HEAD file, counts as one without revisions.
        section: of alembic.ini, for a second database.
    """
    start = head.at(commit, section) or "base"
    if start != head.newest(head.history(section)):
        arguments = ["-c", str(INI), "-n", section, "upgrade", f"{start}:head", "--sql"]
        CommandLine().main(arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
