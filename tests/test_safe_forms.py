"""What autogenerate writes for tables in use on PostgreSQL: forms that lock no one out for long."""

import re
from pathlib import Path

import pytest

from .projects import Project

pytestmark = [
    pytest.mark.databases("postgresql"),
    pytest.mark.strategies("env-var"),
    pytest.mark.usefixtures("at_head"),
]

COUNTRY = """
class Country(Base):
    __tablename__ = "country"
    __table_args__ = ({0})
    id: Mapped[int] = mapped_column(sa.Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(sa.String(2))

"""
AUTHOR = """
class Author(Base):
    __tablename__ = "author"
    __table_args__ = ({0})
    id: Mapped[int] = mapped_column(sa.Identity(), primary_key=True)
    name: Mapped[str{1}] = mapped_column(sa.String({2}))
    born: Mapped[int | None] = mapped_column()
    country_id: Mapped[int | None] = mapped_column()

"""
OLD = COUNTRY.format("") + AUTHOR.format("", " | None", 80)
UNIQUE = "sa.UniqueConstraint('code'),"
INDEX = "sa.Index(None, 'name'),"
CHECK = "sa.CheckConstraint('born > 1000', name='modern'),"
KEY = "sa.ForeignKeyConstraint(['country_id'], ['country.id']),"
# What the models are changed to, and how many files it takes.
FORMS = {
    "index": (COUNTRY.format("") + AUTHOR.format(INDEX, " | None", 80), 1),
    "unique": (COUNTRY.format(UNIQUE) + AUTHOR.format("", " | None", 80), 2),
    "check": (COUNTRY.format("") + AUTHOR.format(CHECK, " | None", 80), 2),
    "key": (COUNTRY.format("") + AUTHOR.format(KEY, " | None", 80), 2),
    "not null": (COUNTRY.format("") + AUTHOR.format("", "", 80), 2),
    "all": (COUNTRY.format(UNIQUE) + AUTHOR.format(INDEX + CHECK + KEY, "", 100), 5),
}
# Statements that read a table, or index it, while writers wait.
LONG = (
    r"CREATE (UNIQUE )?INDEX (?!CONCURRENTLY)"
    r"|ADD (CONSTRAINT \S+ )?UNIQUE (?!USING INDEX)"
    r"|ADD (CONSTRAINT \S+ )?(CHECK|FOREIGN KEY) (?!.*NOT VALID)"
)
NEW = """
class Book(Base):
    __tablename__ = "book"
    __table_args__ = (sa.CheckConstraint("isbn <> ''", name="isbn"),)
    id: Mapped[int] = mapped_column(sa.Identity(), primary_key=True)
    isbn: Mapped[str] = mapped_column(unique=True)
    author_id: Mapped[int] = mapped_column(sa.ForeignKey("author.id"), index=True)

"""


def models(project: Project, body: str) -> None:
    """Write the models."""
    project.write_model("library", body)


@pytest.fixture
def in_use(project: Project) -> Project:
    """A project with rows in the tables that the old models have."""
    models(project, OLD)
    assert project.autogenerate("the library")
    project.ok("alembic", "upgrade", "head")
    project.sql("INSERT INTO country (code) VALUES ('de'), ('fr')")
    project.sql("INSERT INTO author (name, born, country_id) VALUES ('a', 1900, 1), ('b', 1950, 2)")
    return project


def added(project: Project, message: str = "a change") -> list[Path]:
    """Let autogenerate write revisions and return them, in the order of their names."""
    before = {*project.revisions()}
    assert project.autogenerate(message)
    return sorted({*project.revisions()} - before)


def constraints(project: Project) -> set[tuple[object, ...]]:
    """The tables' constraints, indexes and NOT NULLs, as they are in the catalogue."""
    return {
        *project.sql(
            "SELECT conname, pg_get_constraintdef(oid), convalidated::text FROM pg_constraint"
            " WHERE conrelid IN ('author'::regclass, 'country'::regclass) AND contype <> 'n'"
        ),
        *project.sql("SELECT indexname, indexdef, '' FROM pg_indexes WHERE schemaname = 'public'"),
        *project.sql(
            "SELECT attname, attnotnull::text, '' FROM pg_attribute"
            " WHERE attrelid = 'author'::regclass AND attnum > 0"
        ),
    }


@pytest.mark.parametrize("name", FORMS)
def test_every_form_goes_up_and_down_step_by_step(in_use: Project, name: str) -> None:
    project, (body, count) = in_use, FORMS[name]
    before = constraints(project)
    models(project, body)
    files = added(project)
    assert len(files) == count, [path.name for path in files]
    texts = [path.read_text() for path in files]
    revisions = [re.findall(r'^revision: str = "(.*)"', text, re.MULTILINE)[0] for text in texts]
    head = (project.path / "alembic" / "HEAD").read_text().strip()
    assert head == revisions[-1]
    for before_it, text in zip(revisions, texts[1:], strict=False):
        assert f'down_revision: str | Sequence[str] | None = "{before_it}"' in text
    for _ in files:
        # Up, down and up again at each step.
        project.ok("alembic", "upgrade", "+1")
        project.ok("alembic", "downgrade", "-1")
        project.ok("alembic", "upgrade", "+1")
    project.ok("alembic", "check", PYTHONWARNINGS="error")
    after = constraints(project)
    assert not {name for name, *_ in after if str(name).endswith("_set")}
    assert "false" not in {is_valid for _, definition, is_valid in after}
    for _ in files:
        project.ok("alembic", "downgrade", "-1")
        project.ok("alembic", "upgrade", "+1")
        project.ok("alembic", "downgrade", "-1")
    assert constraints(project) == before
    project.ok("alembic", "upgrade", "head")
    assert constraints(project) == after


def test_no_statement_keeps_writers_waiting_and_squawk_agrees(in_use: Project) -> None:
    project = in_use
    head = (project.path / "alembic" / "HEAD").read_text().strip()
    models(project, FORMS["all"][0])
    added(project)
    sql = project.ok("alembic", "upgrade", f"{head}:head", "--sql")
    statements = [" ".join(statement.split()) for statement in sql.split(";")]
    assert not [statement for statement in statements if re.search(LONG, statement)]
    # Within a transaction, nothing looks at rows once a table is locked.
    for transaction in sql.split("COMMIT;"):
        alters = re.findall(r"ALTER TABLE [^;]*", transaction)
        is_long = ["VALIDATE" in statement for statement in alters]
        assert is_long == sorted(is_long, reverse=True)
    (project.path / "new.sql").write_text(sql)
    end = project.run("squawk", "--reporter", "gcc", "new.sql")
    assert end.returncode == 0, end.stdout


def test_the_projects_own_tests_take_them(in_use: Project) -> None:
    project = in_use
    models(project, COUNTRY.format(UNIQUE) + AUTHOR.format(INDEX + CHECK + KEY, " | None", 100))
    for file in added(project):
        text = file.read_text()
        file.write_text(re.sub(r"(unique=True, postgresql.*)", r"\1  # reviewed: it is", text))
    project.ok("flask", "db", "diagram")
    project.ok("pytest", "-q", TEST_DATABASE_URL=project.url)


def test_a_new_table_gets_none_of_it(in_use: Project) -> None:
    project = in_use
    models(project, OLD + NEW)
    [file] = added(project)
    text = file.read_text()
    assert "concurrently" not in text
    assert "not_valid" not in text
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")


def test_what_a_new_table_refers_to_is_unique_at_once(in_use: Project) -> None:
    project = in_use
    key = NEW.replace(
        'author_id: Mapped[int] = mapped_column(sa.ForeignKey("author.id"',
        ('code: Mapped[str] = mapped_column(sa.ForeignKey("country.code"'),
    )
    models(project, COUNTRY.format(UNIQUE) + AUTHOR.format("", " | None", 80) + key)
    [file] = added(project)
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")
    assert "op.create_unique_constraint" in file.read_text()


def test_a_key_to_what_becomes_unique_follows_it(in_use: Project) -> None:
    project = in_use
    author = AUTHOR.format(
        "sa.ForeignKeyConstraint(['code'], ['country.code']),", " | None", 80
    ).replace("born:", "code: Mapped[str | None] = mapped_column()\n    born:")
    models(project, COUNTRY.format(UNIQUE) + author)
    files = added(project)
    assert len(files) == 4
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")
    for _ in files:
        project.ok("alembic", "downgrade", "-1")
        project.ok("alembic", "upgrade", "+1")
        project.ok("alembic", "downgrade", "-1")


def test_a_partitioned_table_is_left_as_alembic_has_it(in_use: Project) -> None:
    project = in_use
    body = (
        'class Event(Base):\n    __tablename__ = "event"\n'
        '    __table_args__ = ({0}{{"postgresql_partition_by": "RANGE (id)"}})\n'
        "    id: Mapped[int] = mapped_column(primary_key=True)\n"
        "    name: Mapped[str | None] = mapped_column()\n"
    )
    models(project, OLD + body.format(""))
    added(project)
    project.ok("alembic", "upgrade", "head")
    models(project, OLD + body.format("sa.Index(None, 'name'),"))
    [file] = added(project)
    assert "concurrently" not in file.read_text()
    project.ok("alembic", "upgrade", "head")


def test_an_index_that_could_not_be_made_is_made_by_the_next_run(in_use: Project) -> None:
    project = in_use
    project.sql("UPDATE country SET code = 'de'")
    models(project, FORMS["unique"][0])
    added(project)
    assert "could not create unique index" in project.run("alembic", "upgrade", "head").stderr
    assert project.sql("SELECT indisvalid FROM pg_index WHERE NOT indisvalid") == [(False,)]
    project.sql("UPDATE country SET code = 'fr' WHERE id = 2")
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")


def test_what_takes_the_place_of_another_does_so_in_one_transaction(in_use: Project) -> None:
    project = in_use
    models(project, FORMS["index"][0])
    added(project)
    project.ok("alembic", "upgrade", "head")
    other = INDEX.replace("None, 'name'", "'ix_author_name', 'name', 'born'")
    models(project, COUNTRY.format("") + AUTHOR.format(other, " | None", 80))
    [file] = added(project)
    text = file.read_text()
    assert "concurrently" not in text
    assert text.count("op.drop_index") == text.count("op.create_index") == 2
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")


def test_one_line_switches_it_off(in_use: Project) -> None:
    project = in_use
    wiring = project.package / "database" / "migrations.py"
    text = wiring.read_text()
    assert text.count("PROJECT = Project(\n") == 1
    wiring.write_text(
        text.replace("PROJECT = Project(\n", "PROJECT = Project(\n    safe_forms=False,\n")
    )
    models(project, FORMS["all"][0])
    [file] = added(project)
    text = file.read_text()
    assert "not_valid" not in text
    assert "concurrently" not in text
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")
