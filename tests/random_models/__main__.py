"""Tries any number of random pairs of models on one database.

usage: python -m tests.random_models --database sqlite --examples 200 [--seed N] [--reduce SECONDS]

Prints how many ended clean, refused and failed, and for each kind of failure a pair. At most SECONDS
are spent on reducing these.
"""

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from ..forking import ForkServer
from ..projects import DATABASES, SLUG, Project, clean_environment, generate
from .trial import ANSWERS, report, trials


def main() -> int:
    """Do as the module's docstring says; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.random_models", description=__doc__)
    parser.add_argument("--database", choices=DATABASES, default="sqlite")
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--reduce", type=float, default=120, metavar="SECONDS")
    arguments = parser.parse_args()
    answers = ANSWERS | {"project_slug": SLUG, "database": arguments.database}
    with tempfile.TemporaryDirectory() as folder:
        project = generate(Path(folder), answers)
        Project.fork_server = ForkServer(project.bin, clean_environment())
        try:
            with trials(project, Path(folder)) as trial:
                counts, text = report(trial, arguments.examples, arguments.seed, arguments.reduce)
        finally:
            Project.fork_server.close()
    print(text)
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
