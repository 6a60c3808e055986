"""This repository's own tests: the whole matrix, once, as the README's test line runs them.

A process that has imported the libraries forks the commands of projects (`tests/fork_server.py`), which
were two thirds of the time. What is left is mypy, installing from nothing, pytest in projects, updates
by git, and the commands themselves.
"""

import sys
from collections.abc import Iterator

from tests.projects import REPOSITORY, Project

from ..lines import Line
from ..measuring import CPU, WALL, command
from ..workshop import Workshop


def lines(workshop: Workshop) -> Iterator[Line]:
    """Yield one line."""
    repository = Project(REPOSITORY, {}, workshop.bin)
    measure = command(repository, sys.executable, "-m", "pytest", REQUIRE_DATABASES="1")()
    minutes = {f"min {unit[3:]}": measure[unit] / 60_000 for unit in (WALL, CPU)}
    yield Line.of("this repository's tests, once", [minutes], target=15)
