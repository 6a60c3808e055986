"""What a container runs before it serves: `python -m migrator.wait` on a database that fits, env-var.

Against `alembic current` in the same project. Nearly all of the time on PostgreSQL is psycopg's import.
On SQLite it runs 187 million instructions (callgrind), nearly all of them to import the standard library.
"""

from collections.abc import Iterator

from tests.projects import DATABASES

from ..lines import Line
from ..measuring import Side, command, in_turn
from ..workshop import Workshop

TARGETS = {"sqlite": 0.12, "postgresql": 0.32, "mysql": 0.22}


def lines(workshop: Workshop) -> Iterator[Line]:
    """Yield a line for each database."""
    for database in DATABASES:
        project = workshop.ours(database)
        project.ok("alembic", "upgrade", "head")
        wait, current = "`python -m migrator.wait`", "`alembic current`"
        runs = in_turn(
            [
                Side(wait, command(project, "python", "-m", "migrator.wait", "--timeout", "5")),
                Side(current, command(project, "alembic", "current")),
            ],
            workshop.rounds * 3,
        )
        yield Line.of(f"{wait}, {database}", runs[wait], current, runs[current], TARGETS[database])
