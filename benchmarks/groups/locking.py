"""The migration lock when nobody else wants it: `alembic upgrade head` at head.

Against the same project with the line taken out that takes the lock.
"""

from collections.abc import Iterator

from tests.projects import DATABASES

from ..lines import Line
from ..measuring import Side, command, in_turn
from ..workshop import Workshop

LOCKS = {
    "sqlite": 'event.listen(context.connection, "begin", begin_immediate)',
    "postgresql": "_acquire(connection, context.version_table)",
    "mysql": "_acquire(connection, context.version_table)",
}


def lines(workshop: Workshop) -> Iterator[Line]:
    """Yield a line for each database."""
    for database in DATABASES:
        locked = workshop.ours(database)
        locked.ok("alembic", "upgrade", "head")
        unlocked = workshop.copy(locked)
        module = unlocked.migrator / "dialect" / "lock.py"
        text = module.read_text(encoding="utf-8")
        assert text.count(LOCKS[database]) == 1
        module.write_text(text.replace(LOCKS[database], "pass"), encoding="utf-8")
        runs = in_turn(
            [
                Side("locked", command(locked, "alembic", "upgrade", "head")),
                Side("unlocked", command(unlocked, "alembic", "upgrade", "head")),
            ],
            workshop.rounds * 3,
        )
        what = f"the lock, uncontended, {database}"
        yield Line.of(what, runs["locked"], "no lock", runs["unlocked"], 1.05)
