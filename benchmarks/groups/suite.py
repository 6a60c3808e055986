"""This repository's own tests: the whole matrix, once, as the README's test line runs them.

Two thirds of it are some 1,300 commands of projects, each in a process of its own, as a user runs them:
0.77 s of processor time each while both cores are busy (880 of them: 678 s). Most of a command is
importing SQLAlchemy, Alembic and Flask (`-X importtime`: 0.38 of 0.55 s, alone). The rest is mypy,
installing from nothing, and the workers. What would make it quicker is commands that share a process
that has imported all that already; those would no longer be what a user runs. Between 9:47 and 11:33
minutes were seen within three hours on the same machine.
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
    yield Line.of("this repository's tests, once", [minutes], target=10)
