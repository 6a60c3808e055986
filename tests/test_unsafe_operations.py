"""Operations that old code does not survive are found; the README's steps for each work."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import Popen

import pytest

from .projects import Project
from .repositories import Git

COLUMN = 'sa.Column("more", sa.Integer()'
OLD = "existing_type="
# What an upgrade does, and what is said of it; nothing when it is safe.
OPERATIONS = [
    ('op.drop_table("note")', "drops a table"),
    ('op.rename_table("note", "memo")', "renames a table"),
    ('op.drop_column("note", "text")', "drops a column"),
    ('op.alter_column("note", "text", new_column_name="line")', "renames a column"),
    ('op.alter_column("note", "text", nullable=False)', "makes a column NOT NULL"),
    ('op.alter_column("note", "text", type_=sa.Text())', "changes a column's type"),
    (f'op.add_column("note", {COLUMN}, nullable=False))', "NOT NULL without a server_default"),
    (
        f'op.add_column("note", {COLUMN}, nullable=False, server_default=None))',
        "NOT NULL without a server_default",
    ),
    (
        'with op.batch_alter_table("note") as batch:\n    batch.drop_column("text")',
        "drops a column",
    ),
    (
        'with op.batch_alter_table("note") as b:\n    b.alter_column("text", nullable=False)',
        "makes a column NOT NULL",
    ),
    ('if True:\n    op.drop_column("note", "text")', "drops a column"),
    ('op.execute("ALTER TABLE note DROP COLUMN text")', "DROP COLUMN in its SQL"),
    ('op.execute(sa.text("alter table note rename to memo"))', "RENAME TO in its SQL"),
    ('op.execute("ALTER TABLE note ALTER text SET NOT NULL")', "SET NOT NULL in its SQL"),
    ('op.execute("ALTER TABLE note MODIFY text INT")', "MODIFY in its SQL"),
    ("import shop.models.note", "imports the application"),
    ("from shop.models.note import Note", "imports the application"),
    ("from shop.database import Base", "imports the application"),
    ('op.drop_table("note")  # reviewed:', "drops a table"),
    ('op.drop_table("note")  # reviewed: its model went in May', None),
    ('op.drop_table(\n    "note",\n)  # reviewed: its model went in May', None),
    ("from shop.types import Money  # reviewed: is never changed", None),
    ("from migrator.backfill import backfill", None),
    ("from migrator.engine import connect", "imports the migrator"),
    ("from migrator import backfill", None),
    (
        'drop = {"table_name": "note", "column_name": "text"}\nop.drop_column(**drop)',
        "drops a column",
    ),
    ('NAME = "note"\nop.drop_table(NAME)', "drops a table"),
    ('for name in ["text"]:\n    op.drop_column("note", name)', "drops a column"),
    ('from alembic.op import drop_table\ndrop_table("note")', "drops a table"),
    ('def drop():\n    op.drop_table("note")\ndrop()', "drops a table"),
    (
        'op.get_bind().execute(sa.text("SELECT 1")).all()\nop.drop_table("x")',
        "cannot be read without a database",
    ),
    (
        (
            'note = op.create_table("x", sa.Column("id", sa.Integer()))\n'
            'op.bulk_insert(note, [{"id": 1}])\nop.execute(note.update().values(id=2))'
        ),
        None,
    ),
    (
        "with op.get_context().autocommit_block():\n    op.execute('VACUUM')",
        None,
    ),
    ("from shopping import cart", None),
    ('op.create_unique_constraint("uq", "note", ["text"])', "adds UNIQUE"),
    ('op.create_index("uq", "note", ["text"], unique=True)', "adds UNIQUE"),
    ('op.create_foreign_key("fk", "note", "author", ["text"], ["id"])', "adds a FOREIGN KEY"),
    ('op.create_check_constraint("ck", "note", "text <> \'\'")', "adds a CHECK"),
    (
        'with op.batch_alter_table("note") as b:\n    b.create_unique_constraint("u", ["text"])',
        "adds UNIQUE",
    ),
    ("op.execute('ALTER INDEX ix RENAME TO iy')", None),
    # A new column has no values that could break it.
    (
        (
            f'op.add_column("note", {COLUMN}))\n'
            'op.create_foreign_key("fk", "note", "author", ["more"], ["id"])\n'
            'op.create_unique_constraint("uq", "note", ["more"])'
        ),
        None,
    ),
    (f"op.alter_column('note', 'text', {OLD}sa.String(20), type_=sa.String(30))", None),
    (f"op.alter_column('note', 'id', {OLD}sa.Integer(), type_=sa.BigInteger())", None),
    (
        f"op.alter_column('note', 'text', {OLD}sa.String(20), type_=sa.Integer())",
        "changes a column's type",
    ),
    (f'op.add_column("note", {COLUMN}))', None),
    (f'op.add_column("note", {COLUMN}, nullable=False, server_default="0"))', None),
    (f'op.add_column("note", {COLUMN}, sa.Identity(), nullable=False))', None),
    ('op.alter_column("note", "text", existing_nullable=False, nullable=True)', None),
    ('op.alter_column("note", "text", existing_type=sa.Text(), server_default="x")', None),
    ('op.create_index("ix", "note", ["text"])', None),
    ('op.create_table("x", sa.Column("id", sa.Integer()))\nop.drop_column("x", "id")', None),
    (
        (
            'op.create_table("x", sa.Column("id", sa.Integer()))\n'
            'with op.batch_alter_table("x") as batch:\n    batch.drop_column("id")'
        ),
        None,
    ),
    (
        (
            'op.create_table("x", sa.Column("id", sa.Integer()))\n'
            'with op.batch_alter_table("x") as batch:\n    batch.create_index("ix", ["id"])\n'
            'with op.batch_alter_table("note") as batch:\n    batch.drop_column("text")'
        ),
        "drops a column",
    ),
]


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_unsafe_operations_are_found(project: Project) -> None:
    (project.package / "types.py").write_text("Money = int\n")
    (project.path / "shopping.py").write_text("cart = 1\n")
    for number, (body, _) in enumerate(OPERATIONS):
        # What a downgrade does is not looked at.
        project.write_revision(f"r{number:02}", body, 'op.drop_table("note")')
    lines = project.findings()
    for number, (body, expected) in enumerate(OPERATIONS):
        path = f"alembic/versions/20270101_r{number:02}.py"
        found = [line for line in lines if line.startswith(path)]
        assert len(found) == (expected is not None), (body, found)
        if expected is not None:
            assert expected in found[0]
            line = int(found[0].split(":")[1])
            text = (project.path / path).read_text(encoding="utf-8").splitlines()[line - 1]
            assert text.strip() in f"def upgrade() -> None:\n{body}"
    assert len(lines) == sum(expected is not None for _, expected in OPERATIONS)


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_its_own_test_names_the_line_and_the_recipe(project: Project) -> None:
    path = project.write_revision("r1", 'op.drop_column("note", "text")', "pass", "a1c0de000001")
    output = project.refused("pytest", "tests/test_migrations.py", "-k", "running_code")
    assert f"alembic/versions/{path.name}:12: drops a column" in output
    [heading] = set(re.findall(r'README\.md, "(.*?)"', output))
    assert f"\n## {heading}\n" in (project.path / "README.md").read_text(encoding="utf-8")
    assert "# reviewed: " in output
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"text")', '"text")  # reviewed: not in use since May'))
    project.ok("pytest", "tests/test_migrations.py", "-k", "running_code")


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_squawk_reads_alembics_sql(project: Project) -> None:
    project.write_revision(
        "r1",
        'op.create_table("item", sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),'
        ' sa.Column("name", sa.String(20)), sa.Column("made", sa.DateTime))\n'
        'op.create_index("ix_item", "item", ["name"])\n'
        'op.add_column("note", sa.Column("n", sa.Integer, nullable=False, server_default="0"))\n'
        "with op.get_context().autocommit_block():\n"
        '    op.create_index("ix_note", "note", ["text"], postgresql_concurrently=True)',
        down_revision="a1c0de000001",
    )
    project.write_revision(
        "r2", 'op.create_index("ix_note_2", "note", ["text"])', down_revision="r1"
    )
    project.write_revision(
        "r3",
        'op.execute("-- squawk-ignore require-concurrent-index-creation\\n'
        'CREATE INDEX ix_note_3 ON note (text)")',
        down_revision="r2",
    )
    for revisions, expected in (
        ("base:r1", None),
        ("r1:r2", "require-concurrent-index-creation"),
        ("r2:r3", None),
    ):
        sql = project.path / "new.sql"
        sql.write_text(project.ok("alembic", "upgrade", revisions, "--sql"))
        end = project.run("squawk", "--reporter", "gcc", "new.sql")
        assert end.returncode == (expected is not None), end.stdout
        assert (expected or "") in end.stdout


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_the_sql_of_new_revisions(project: Project) -> None:
    def new(commit: str) -> str:
        return project.ok("python", "-m", "migrator.revisions.sql", commit)

    refused = project.refused("python", "-m", "migrator.revisions.sql", "HEAD")
    assert "not a git repository" in refused
    git = Git(project.path)
    git.commit("the project")
    assert new("HEAD") == ""
    assert "CREATE TABLE note" in new("0" * 40)
    project.ok("alembic", "revision", "-m", "more", "--rev-id", "abcd")
    sql = new("HEAD")
    assert "CREATE TABLE" not in sql
    assert "SET version_num='abcd'" in sql


# The README's steps. A migration is a revision's body; anything else is the code of a deploy,
# which starts while the one before it still runs.
FIRST = """
class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(sa.Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    born: Mapped[{born}] = {column}

def new(number):
    return Author(name=f"name {{number}}", {value})

def use(author):
    assert author.name.startswith("name"), author.name
    {check}
"""


def code(
    born: str = "int",
    column: str = "mapped_column()",
    value: str = "born=1900 + number % 100",
    check: str = "assert author.born >= 1900",
) -> str:
    """The model of a deploy, how its code makes a row, and what it expects of one it reads."""
    return FIRST.format(born=born, column=column, value=value, check=check)


def alter(*lines: str) -> str:
    """The body of a revision that alters the table."""
    return "# revision\nwith op.batch_alter_table('author') as author:\n    " + "\n    ".join(lines)


BACKFILL = """# revision
from migrator.backfill import backfill
author = sa.table("author", sa.column("id", sa.Integer), sa.column("born"), sa.column("year"))
backfill(
    author.update().where(author.c.{0}.is_(None)).values({0}={1}), author.c.id, pause=0.01
)
"""
VALIDATED = """# revision
op.create_check_constraint(
    op.f("ck_author_born_set"), "author", "born IS NOT NULL", postgresql_not_valid=True
)
"""
VALIDATE = """# revision
op.execute("ALTER TABLE author VALIDATE CONSTRAINT ck_author_born_set")
op.alter_column("author", "born", nullable=False)
op.drop_constraint("ck_author_born_set", "author")
"""
UNMAPPED = "unmapped_column(sa.Integer, nullable=True)"
BOTH = code(
    column="mapped_column(nullable=True)\n    year: Mapped[str | None] = mapped_column(sa.Text)",
    value="born=1900 + number % 100, year=str(1900 + number % 100)",
)
ALTERED_TO_NOT_NULL = alter(
    'author.alter_column("born", existing_type=sa.Integer(), nullable=False)'
)
RECIPES: dict[str, list[str | tuple[str, ...]]] = {
    "drop a column": [
        code(),
        alter('author.alter_column("born", existing_type=sa.Integer(), nullable=True)'),
        code("int", UNMAPPED, "", "pass").replace(
            "Mapped[int] = unm", "Unmapped[int] = unm"
        ),
        alter('author.drop_column("born")'),
        code("int", UNMAPPED, "", "pass").replace(f"    born: Mapped[int] = {UNMAPPED}\n", ""),
    ],
    "drop a table": [
        code(),
        # Its code is gone from this deploy on, its model with the next.
        "def new(number):\n    return None\n\ndef use(author):\n    pass\n",
        '# revision\nop.drop_table("author")',
    ],
    "rename a column": [
        code(),
        code().replace("born: Mapped[int] = mapped_column()", "year: Mapped[int] = mapped_column('born')")
        .replace("born=", "year=")
        .replace("author.born", "author.year"),
    ],
    "change a column's type": [
        code(),
        alter('author.add_column(sa.Column("year", sa.Text(), nullable=True))'),
        BOTH,
        BACKFILL.format("year", "sa.cast(author.c.born, sa.String(20))"),
        BOTH.replace("author.born >= 1900", 'author.year >= "1900"'),
        alter('author.alter_column("born", existing_type=sa.Integer(), nullable=True)'),
        BOTH.replace("born: Mapped[int] = mapped_column(nullable=True)", f"born: Unmapped[int] = {UNMAPPED}")
        .replace("born=1900 + number % 100, ", "")
        .replace("author.born >= 1900", 'author.year >= "1900"'),
        alter('author.drop_column("born")'),
    ],
    "add a column that is NOT NULL": [
        code(),
        alter('author.add_column(sa.Column("p", sa.Integer(), nullable=False, server_default="7"))'),
        code(
            column='mapped_column()\n    p: Mapped[int] = mapped_column(server_default="7")',
            check="assert author.p >= 0",
        ).replace("born=", "p=8, born="),
        alter('author.alter_column("p", existing_type=sa.Integer(), server_default=None)'),
    ],
    "make a column NOT NULL": [
        code("int | None", value="born=[None, 1900][number % 2]", check="assert author.born != 0"),
        code("int | None"  , check="assert author.born != 0"),
        BACKFILL.format("born", "1899"),
        (VALIDATED, VALIDATE, ALTERED_TO_NOT_NULL),
        code(check="assert author.born >= 1899"),
    ],
}  # fmt: skip
WORKER = """
import importlib, random, sys, threading, time
from pathlib import Path
import sqlalchemy as sa
from sqlalchemy.orm import (
    DeclarativeBase, Mapped, Session, Unmapped, mapped_column, unmapped_column
)
from migrator.url import parse_url

class Base(DeclarativeBase):
    pass

source, url, ready, stop = sys.argv[1:]
exec(source)
# Each worker waits for the database as long as a web server's request would.
engine = sa.create_engine(
    parse_url(url, "url"), connect_args={"timeout": 60} if url.startswith("sqlite") else {}
)
written = read = 0

def loop(work):
    def run():
        while not Path(stop).exists():
            with Session(engine) as session:
                work(session)
            time.sleep(0.01)
    return run

def write(session):
    global written
    row = new(written)
    if row is not None:
        session.add(row)
        session.commit()
        written += 1

def look(session):
    global read
    if "Author" in globals():
        start = random.randrange(10000)
        for row in session.scalars(sa.select(Author).where(Author.id > start).limit(20)):
            use(row)
    read += 1
    if written or new(0) is None:
        Path(ready).touch()

def strict(error):
    import os, traceback
    traceback.print_exception(error.exc_value)
    sys.stdout.flush(); sys.stderr.flush()
    os._exit(1)

threading.excepthook = strict
threads = [threading.Thread(target=loop(work)) for work in (write, look)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print("written", written, "read", read)
"""


class Deploy:
    """The code of one deploy, reading and writing until it is stopped."""

    def __init__(self, project: Project, number: int, source: str) -> None:
        ready, self.stop = (project.path.parent / f"{name}{number}" for name in ("ready", "stop"))
        self.process: Popen[str] = project.start(
            "python", "-c", WORKER, source, project.url, str(ready), str(self.stop)
        )
        while not ready.exists():
            assert self.process.poll() is None, self.process.communicate()[0]
            time.sleep(0.05)

    def end(self) -> int:
        """Stop it, and return how many rows it has written; it must not have failed."""
        self.stop.touch()
        output = self.process.communicate(timeout=60)[0]
        assert self.process.returncode == 0, output
        return int(output.rpartition("written ")[2].split()[0])


@contextmanager
def ended(deploys: list[Deploy]) -> Iterator[None]:
    """Leave no process behind."""
    try:
        yield
    finally:
        for deploy in deploys:
            deploy.process.kill()


@pytest.mark.strategies("env-var")
@pytest.mark.example(False)
@pytest.mark.parametrize("recipe", RECIPES)
def test_the_steps_lose_nothing_while_code_runs(project: Project, recipe: str) -> None:
    project.write_revision(
        "r0",
        'op.create_table("author", sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),'
        ' sa.Column("name", sa.String(80), nullable=False),'
        f' sa.Column("born", sa.Integer, nullable={recipe == "make a column NOT NULL"}))\n'
        'author = sa.table("author", sa.column("name"), sa.column("born"))\n'
        'op.bulk_insert(author, [{"name": f"name {n}", "born": 1900} for n in range(10_000)])',
    )
    project.ok("alembic", "upgrade", "head")
    before, expected = "r0", 10_000
    deploys: list[Deploy] = []
    with ended(deploys):
        for number, steps in enumerate(RECIPES[recipe], start=1):
            if isinstance(steps, tuple):
                steps = steps[:2] if project.database == "postgresql" else steps[2:]
            for part, step in enumerate([steps] if isinstance(steps, str) else steps):
                if step.startswith("# revision"):
                    revision = f"r{number}{part}"
                    project.write_revision(revision, step, down_revision=before)
                    before = revision
                    continue
                deploys.append(Deploy(project, number, step))
                if len(deploys) > 1:
                    time.sleep(0.3)
                    expected += deploys[-2].end()
            if deploys and before != "r0":
                project.ok("alembic", "upgrade", "head")
        time.sleep(0.3)
        expected += deploys[-1].end()
    assert all(deploy.process.returncode == 0 for deploy in deploys)
    if recipe == "drop a table":
        assert "author" not in project.tables()
    else:
        assert project.sql("SELECT count(*) FROM author") == [(expected,)]
        assert expected > 10_000
    assert project.version() == [before]


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
@pytest.mark.example(False)
def test_without_the_steps_old_code_fails(project: Project) -> None:
    """The test above would see it."""
    columns = 'sa.Column("name", sa.String(80)), sa.Column("born", sa.Integer)'
    table = f'op.create_table("author", sa.Column("id", sa.Integer, sa.Identity()), {columns})'
    project.write_revision("r0", table)
    project.ok("alembic", "upgrade", "head")
    deploy = Deploy(project, 1, code())
    with ended([deploy]):
        project.write_revision("r1", 'op.drop_column("author", "born")', down_revision="r0")
        project.ok("alembic", "upgrade", "head")
        output = deploy.process.communicate(timeout=60)[0]
    assert deploy.process.returncode == 1
    assert "UndefinedColumn" in output
