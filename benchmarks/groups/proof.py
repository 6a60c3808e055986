"""`flask db plan`: with one pending revision, and for each one more.

A revision is an index that is made or dropped. The throw-away database is on a server that is running. Nearly all of the processor
time with one revision is the start of Flask and Alembic. The rest is the server's: CREATE DATABASE, and a COMMIT for each statement.
"""

from collections.abc import Iterator

from tests.projects import DATABASES

from ..lines import Line
from ..measuring import CPU, WALL, Side, command, in_turn
from ..workshop import Workshop

MANY = 20
HEAD = "a1c0de000001"
BODIES = (
    'op.create_index("ix_note_text", "note", ["text"])',
    'op.drop_index("ix_note_text", "note")',
)


def lines(workshop: Workshop) -> Iterator[Line]:
    """Yield two lines for each database."""
    for database in DATABASES:
        one = workshop.ours(database)
        one.ok("alembic", "upgrade", "head")
        one.write_revision("r0", BODIES[0], "pass", HEAD)
        many = workshop.copy(one)
        for number in range(1, MANY + 1):
            many.write_revision(f"r{number}", BODIES[number % 2], "pass", f"r{number - 1}")
        runs = in_turn(
            [
                Side(
                    name,
                    command(project, "flask", "db", "plan", TEST_DATABASE_URL=project.url),
                )
                for name, project in (("one", one), ("many", many))
            ],
            workshop.rounds,
        )
        more = [
            {f"{unit} a revision": (long[unit] - short[unit]) / MANY for unit in (WALL, CPU)}
            for long, short in zip(runs["many"], runs["one"], strict=True)
        ]
        yield Line.of(f"flask db plan, one pending revision, {database}", runs["one"])
        yield Line.of(f"one more pending revision, {database}", more, target=400)
