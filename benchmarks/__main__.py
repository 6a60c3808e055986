"""Measures the groups that are named, or all: prints each table, and writes RESULTS.md."""

import argparse
from importlib import import_module
from pathlib import Path

from . import groups, report
from .workshop import opened

GROUPS = sorted(path.stem for path in Path(groups.__path__[0]).glob("[!_]*.py"))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="group", help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--rounds", type=int, default=7, help="how often each side is run")
    arguments = parser.parse_args()
    if unknown := set(arguments.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    with opened(arguments.rounds) as workshop:
        for group in arguments.groups or GROUPS:
            lines = list(import_module(f".groups.{group}", __package__).lines(workshop))
            print(report.table(lines), flush=True)
            report.store(group, lines, arguments.rounds)
            report.write()


if __name__ == "__main__":
    main()
