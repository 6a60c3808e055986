"""Autogenerate: `alembic check` on a database that agrees with the models.

On PostgreSQL, 500 tables of six columns, once with `Identity()` keys, as this project's own models have them, and
once with plain ones, which become SERIAL; Flask-Migrate and Alembic have plain ones. Then 10 tables
of the project's own, beside 500 of somebody else's, against the same without those.

On MariaDB and SQLite, 500 tables with plain keys. SQLAlchemy asks for each table by itself there. On
MariaDB, ours asks 9 times more: how the server stores two kinds of defaults, for all columns that have them.
"""

from collections.abc import Iterator

import psycopg

from tests.projects import SLUG, Project

from ..lines import Line
from ..measuring import Measure, Side, command, in_turn
from ..schemas import foreign_tables, models
from ..workshop import Workshop

TABLES = 500
OWN, FOREIGN = 10, 500
GENERIC, MIGRATE = "Alembic's generic template, SERIAL", "Flask-Migrate, SERIAL"
COUNT = """
import sys
import sqlalchemy as sa

statements = []
sa.event.listen(sa.Engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
{run}
print(len(statements))
"""
# Not what wait4 says, which begins with the memory of the process that started this one.
PEAK = """
import sys
from pathlib import Path

{run}
lines = Path("/proc/self/status").read_text().splitlines()
print(next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")))
"""
ALEMBIC = "from alembic.config import main\nmain(['check'])"
FLASK = """
from flask.cli import main

sys.argv = ["flask", "db", "check"]
try:
    main()
except SystemExit:
    pass
"""


def lines(workshop: Workshop) -> Iterator[Line]:
    """Yield the lines of many own tables, then those of foreign ones."""
    identity = _ours(workshop, TABLES, "Identity(), ")
    serial = _ours(workshop, TABLES, "")
    generic = workshop.alembic("postgresql")
    migrate = workshop.flask_migrate("postgresql")
    for project, tool in ((generic, ("alembic",)), (migrate, ("flask", "db"))):
        workshop.add_models(project, models(TABLES, "models", ""))
        _migrate(project, tool)
    runs = in_turn(
        [
            Side("Identity()", command(identity, "alembic", "check")),
            Side("SERIAL", command(serial, "alembic", "check")),
            Side(GENERIC, command(generic, "alembic", "check")),
            Side(MIGRATE, command(migrate, "flask", "db", "check")),
        ],
        workshop.rounds,
    )
    queries = {
        "Identity()": _queries(identity, ALEMBIC),
        "SERIAL": _queries(serial, ALEMBIC),
        GENERIC: _queries(generic, ALEMBIC),
        MIGRATE: _queries(migrate, FLASK),
    }
    for kind in ("Identity()", "SERIAL"):
        what = f"`alembic check`, {TABLES} tables, {kind}"
        yield Line.of(f"{what}: queries", queries[kind], target=20)
        for peer in (GENERIC, MIGRATE):
            target = 0.85 if peer == MIGRATE else None
            yield Line.of(what, runs[kind], peer, runs[peer], target)
            yield Line.of(f"{what}: queries", queries[kind], peer, queries[peer])
    yield _with_foreign_tables(workshop)
    for database in ("mysql", "sqlite"):
        yield from _of_many_tables(workshop, database)


def _of_many_tables(workshop: Workshop, database: str) -> Iterator[Line]:
    """Yield a line for the time, one for the memory and one for the queries."""
    ours, migrate = _ours(workshop, TABLES, "", database), workshop.flask_migrate(database)
    workshop.add_models(migrate, models(TABLES, "models", ""))
    _migrate(migrate, ("flask", "db"))
    peer = "Flask-Migrate"
    runs = in_turn(
        [
            Side("ours", command(ours, "alembic", "check")),
            Side(peer, command(migrate, "flask", "db", "check")),
        ],
        workshop.rounds,
    )
    what = f"`alembic check`, {TABLES} tables, {database}"
    yield Line.of(what, runs["ours"], peer, runs[peer], 0.90)
    for unit, template in (("queries", COUNT), ("MiB", PEAK)):
        own, their = (
            [{unit: float(project.python(template.format(run=run)).split()[-1])}]
            for project, run in ((ours, ALEMBIC), (migrate, FLASK))
        )
        yield Line.of(f"{what}: {unit}", own, peer, their, 1.0 if unit == "MiB" else None)


def _with_foreign_tables(workshop: Workshop) -> Line:
    alone, beside = (_ours(workshop, OWN, "Identity(), ") for _ in range(2))
    with psycopg.connect(beside.url, autocommit=True) as connection:
        connection.execute(foreign_tables(FOREIGN))
    runs = in_turn(
        [
            Side("alone", command(alone, "alembic", "check")),
            Side("beside", command(beside, "alembic", "check")),
        ],
        workshop.rounds,
    )
    what = f"`alembic check`, {OWN} own and {FOREIGN} foreign tables"
    return Line.of(what, runs["beside"], "no foreign ones", runs["alone"], 1.5)


def _ours(workshop: Workshop, count: int, key: str, database: str = "postgresql") -> Project:
    project = workshop.ours(database)
    module = project.package / "models" / "things.py"
    module.write_text(models(count, f"{SLUG}.database", key), encoding="utf-8")
    _migrate(project, ("alembic",))
    return project


def _migrate(project: Project, tool: tuple[str, ...]) -> None:
    """Bring a project's database to its models, with a revision of autogenerate's."""
    project.ok(*tool, "upgrade", "head")
    autogenerate = ("revision", "--autogenerate") if tool == ("alembic",) else ("migrate",)
    project.ok(*tool, *autogenerate, "-m", "things")
    project.ok(*tool, "upgrade", "head")


def _queries(project: Project, run: str) -> list[Measure]:
    return [{"queries": float(project.python(COUNT.format(run=run)).split()[-1])}]
