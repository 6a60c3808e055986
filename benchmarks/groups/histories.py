"""Long histories: 1,000 revisions from empty, and 5,000 that are applied, on SQLite.

On PostgreSQL and MariaDB, ours commits after each revision, so that its locks are held for one only.
On MariaDB, it sends what Alembic sends: CREATE TABLE, the UPDATE of the version, and COMMIT. On
PostgreSQL, it sends BEGIN and COMMIT for each revision in addition.

Each of the 1,000 makes a table; the database is a new one for the 5,000, with the models' table. The
status is what `flask db doctor` prints, and what /readyz asks for, in a new process.

With all of the 1,000 in one transaction, what is left is Alembic's and SQLAlchemy's work for each
revision (cProfile: 77 %; of it, half is CREATE TABLE, a third the UPDATE of the version) and imports
(23 %). Nothing that the project adds is done for each revision. Alembic writes the two revisions into
the text of the UPDATE, so SQLAlchemy compiles it 1,000 times. With bound parameters, which is Alembic's to
change, ours needs 0.83 of its CPU. The ratio in wall time depends on what a commit costs: with a disk that
takes 0.2 ms for an fsync, as here, Flask-Migrate needs 3.5 to 4 s, with one that takes 25 ms, 28 s.

`alembic heads` runs none of this project's code, so its ratio is chance: 0.99 in 4 rounds on a busy
machine.

`flask db doctor` is `alembic heads`, which reads 5,000 files, plus 0.2 s: the import of SQLAlchemy's ORM,
Flask and the app, which `alembic heads` does without (`-X importtime`: 0.16 s), making the app, and
comparing models and database (0.02 s each). None of it is the project's own to save but the last two.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tests.projects import Project

from ..lines import Line
from ..measuring import CPU, WALL, Measure, Side, command, in_turn
from ..schemas import write_revisions
from ..workshop import Workshop, empty

TABLE = 'op.create_table("t{number}", sa.Column("id", sa.Integer, primary_key=True))'
HEAD = "r04999"
GENERIC, MIGRATE = "Alembic's generic template", "Flask-Migrate"
DATABASE = f"""
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES ('{HEAD}');
CREATE TABLE note (
    id INTEGER NOT NULL,
    text VARCHAR(200) NOT NULL,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL,
    CONSTRAINT pk_note PRIMARY KEY (id)
);
"""
STATUS = """
from alembic.config import Config
from alembic.script import ScriptDirectory
from migrator.engine import connect_as_owner
from migrator.project import load_project
from migrator.status import database_status

config = Config("alembic.ini")
project = load_project(config)
with project.context(None), connect_as_owner(project) as connection:
    print(database_status(connection, ScriptDirectory.from_config(config), project).state)
"""


def lines(workshop: Workshop) -> Iterator[Line]:
    """Yield the lines of both lengths."""
    ours, generic, migrate = workshop.ours(), workshop.alembic(), workshop.flask_migrate()
    yield from _from_empty(workshop, ours, generic, migrate, 0.35)
    yield from _at_head(workshop, ours, generic)
    for kind in ("postgresql", "mysql"):
        peers = workshop.alembic(kind), workshop.flask_migrate(kind)
        yield from _from_empty(workshop, workshop.ours(kind), *peers, 1.0)


def _from_empty(
    workshop: Workshop, ours: Project, generic: Project, migrate: Project, target: float
) -> Iterator[Line]:
    def side(name: str, project: Project, versions: str, *words: str) -> Side:
        write_revisions(project.path / versions, 1000, TABLE)
        url = project.url or project.environment["DATABASE_URL"]
        run = command(project, *words, before=lambda: empty(url))

        def wall_first() -> Measure:
            measure = run()
            return {WALL: measure[WALL], CPU: measure[CPU]}

        return Side(name, wall_first)

    runs = in_turn(
        [
            side("ours", ours, "alembic/versions", "alembic", "upgrade", "head"),
            side(GENERIC, generic, "alembic/versions", "alembic", "upgrade", "head"),
            side(MIGRATE, migrate, "migrations/versions", "flask", "db", "upgrade"),
        ],
        workshop.rounds,
    )
    for peer in (GENERIC, MIGRATE):
        what = f"`alembic upgrade head`, 1,000 revisions from empty, {ours.database}"
        limit = target if peer == MIGRATE else None
        yield Line.of(what, runs["ours"], peer, runs[peer], limit)


def _at_head(workshop: Workshop, ours: Project, generic: Project) -> Iterator[Line]:
    for project in (ours, generic):
        empty(project.url or project.environment["DATABASE_URL"])
        with closing(sqlite3.connect(_file(project))) as connection:
            connection.executescript(DATABASE)
        write_revisions(project.path / "alembic" / "versions", 5000, 'op.execute("SELECT 1")')
    (ours.path / "status.py").write_text(STATUS, encoding="utf-8")
    sides = {
        name: Side(name, command(project, *words.split()))
        for name, project, words in (
            ("heads", ours, "alembic heads"),
            ("upgrade", ours, "alembic upgrade head"),
            ("doctor", ours, "flask db doctor"),
            ("status", ours, "python status.py"),
            ("their heads", generic, "alembic heads"),
            ("their upgrade", generic, "alembic upgrade head"),
        )
    }
    assert "up to date" in ours.ok("python", "status.py", PYTHONPATH=".")
    runs = in_turn(list(sides.values()), workshop.rounds)
    for what, name, against, other, target in (
        ("`alembic heads`", "heads", GENERIC, "their heads", 1.05),
        ("`alembic upgrade head` at head", "upgrade", GENERIC, "their upgrade", 1.05),
        ("`flask db doctor`", "doctor", "`alembic heads`", "heads", 1.2),
        ("the status that /readyz asks for", "status", "`alembic heads`", "heads", 1.2),
    ):
        yield Line.of(f"{what}, 5,000 revisions", runs[name], against, runs[other], target)


def _file(project: Project) -> Path:
    url = project.url or project.environment["DATABASE_URL"]
    return Path(url.removeprefix("sqlite:///"))
