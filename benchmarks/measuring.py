"""Runs commands in turn and takes medians of the time that each needs."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.projects import Project

# What one run gives: quantities by their unit, the one that is judged first.
Measure = dict[str, float]

CPU, WALL = "ms CPU", "ms wall"


@dataclass(frozen=True)
class Side:
    """One of the things that are compared.

    Attributes:
        name: as the table has it.
        run: runs it once and returns what that took.
    """

    name: str
    run: Callable[[], Measure]


def command(
    project: Project, *words: str, before: Callable[[], object] | None = None, **variables: str
) -> Callable[[], Measure]:
    """Return what runs a command in a project and measures it, with all the processes it starts.

    Args:
        project: where it runs.
        words: the command.
        before: is called first, and not measured.
        variables: environment variables beside the project's own.
    """
    environment = project.variables(**variables)

    def run() -> Measure:
        if before is not None:
            before()
        start = time.perf_counter()
        process = subprocess.Popen(
            words,
            cwd=project.path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        errors = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stderr.close()
        if process.returncode:
            raise RuntimeError(f"{words} exited {process.returncode}: {errors.decode()}")
        return {CPU: (used.ru_utime + used.ru_stime) * 1000, WALL: wall * 1000}

    return run


def in_turn(sides: Sequence[Side], rounds: int) -> dict[str, list[Measure]]:
    """Return what every side measured in each round.

    All sides run once to warm up, then `rounds` times, one after the other (A B A B …), so
    that whatever else the machine does falls on all of them alike.
    """
    runs: dict[str, list[Measure]] = {side.name: [] for side in sides}
    for round_ in range(rounds + 1):
        for side in sides:
            measure = side.run()
            if round_:
                runs[side.name].append(measure)
    return runs


def medians(runs: Sequence[Measure]) -> Measure:
    """Return the median of each quantity."""
    return {unit: statistics.median(run[unit] for run in runs) for unit in runs[0]}


def ratio(ours: Sequence[Measure], theirs: Sequence[Measure]) -> float:
    """Return the median of the rounds' ratios of the first quantity.

    A machine that is slow for a while is so for both sides of a round.
    """
    unit = next(iter(ours[0]))
    return statistics.median(
        one[unit] / other[unit] for one, other in zip(ours, theirs, strict=True)
    )
