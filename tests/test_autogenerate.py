"""What autogenerate sees: all that changed, nothing that did not, and only the project's own."""

import shutil

import pytest

from .projects import REPOSITORY, Project

SINK = REPOSITORY / "tests" / "kitchen_sink"


def add_kitchen_sink(project: Project) -> None:
    """Add models with one of everything that the project's database has."""
    for name in ("common", project.database):
        shutil.copy(SINK / f"{name}.py", project.package / "models" / f"sink_{name}.py")


@pytest.mark.usefixtures("at_head")
def test_nothing_differs_right_after_an_upgrade(project: Project) -> None:
    add_kitchen_sink(project)
    if project.database == "postgresql":
        project.sql("CREATE SCHEMA ks_schema")  # Alembic makes none
    assert project.autogenerate("everything")
    project.ok("alembic", "upgrade", "head")
    end = project.run("alembic", "check")
    assert end.returncode == 0, end.stdout
    assert "Warning" not in end.stderr
    assert "no revision is written" in project.run("flask", "db", "migrate").stderr
    assert len(project.revisions()) == 2
    project.ok("alembic", "downgrade", "base")
    assert project.tables() == {"alembic_version"}
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")


@pytest.mark.strategies("env-var")
def test_every_change_is_found_and_made(project: Project) -> None:
    script = str(SINK / "apply_changes.py")
    assert project.ok("python", script, project.database, "shop", project.url) == ""


def model(columns: str, table: str = "thing") -> str:
    """The text of a model with an id and these columns."""
    return (
        f'class {table.title()}(Base):\n    __tablename__ = "{table}"\n'
        f"    id: Mapped[int] = mapped_column(sa.Identity(), primary_key=True)\n{columns}"
    )


@pytest.mark.usefixtures("at_head")
@pytest.mark.strategies("env-var")
def test_tables_of_others_are_left_alone(project: Project) -> None:
    project.sql("CREATE TABLE celery_task (id INTEGER PRIMARY KEY)")
    project.sql("CREATE TABLE theirs (id INTEGER PRIMARY KEY, note_id INTEGER)")
    if project.database == "postgresql":
        project.sql("CREATE SCHEMA other")
        project.sql("CREATE TABLE other.note (id INTEGER PRIMARY KEY)")
        project.sql("CREATE TYPE mood AS ENUM ('good')")
    project.ok("alembic", "check")
    assert project.autogenerate("nothing") is None
    project.write_model("thing", model(""))
    revision = project.autogenerate("add things")
    assert revision is not None
    assert "drop" not in revision.read_text().partition("def downgrade")[0]


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_what_revisions_only_speak_of_is_not_theirs(project: Project) -> None:
    project.write_revision(
        "r1",
        'op.execute("-- we do not CREATE TABLE theirs\\nSELECT 1 /* CREATE TABLE theirs */")\n'
        "op.execute(\"INSERT INTO note (text) VALUES ('do not CREATE TABLE theirs here')\")\n"
        "op.execute('CREATE TABLE \"the-irs\" (id INTEGER)')\n"
        'op.execute("CREATE TABLE theirs (id INTEGER)")\n'
        'op.execute("ALTER TABLE theirs RENAME TO ours")',
        down_revision="a1c0de000001",
    )
    project.ok("alembic", "upgrade", "head")
    project.sql("CREATE TABLE theirs (id INTEGER)")
    project.sql("CREATE TABLE the (id INTEGER)")
    revision = project.autogenerate("what is left over")
    assert revision is not None
    dropped = revision.read_text(encoding="utf-8").partition("def downgrade")[0]
    assert 'op.drop_table("ours")' in dropped
    assert 'op.drop_table("the-irs")' in dropped
    assert 'op.drop_table("theirs")' not in dropped
    assert 'op.drop_table("the")' not in dropped


@pytest.mark.usefixtures("at_head")
def test_a_table_whose_model_is_gone_is_dropped_with_a_warning(project: Project) -> None:
    file = project.write_model("thing", model(""))
    assert project.autogenerate("add things")
    project.ok("alembic", "upgrade", "head")
    file.unlink()
    assert "thing: no model has this table any more" in project.run("alembic", "check").stderr
    revision = project.autogenerate("drop things")
    assert revision is not None
    assert 'op.drop_table("thing")' in revision.read_text()
    project.ok("alembic", "upgrade", "head")
    assert "thing" not in project.tables()
    # Dropped, the name is anybody's again.
    project.sql("CREATE TABLE thing (id INTEGER PRIMARY KEY)")
    project.ok("alembic", "check")


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_without_the_rule_a_foreign_table_would_be_dropped(project: Project) -> None:
    ownership = project.migrator / "autogenerate" / "ownership.py"
    text = ownership.read_text()
    assert text.count('if kind == "table":') == 1
    ownership.write_text(text.replace('if kind == "table":', 'if kind == "no such kind":'))
    project.ok("alembic", "upgrade", "head")
    project.sql("CREATE TABLE celery_task (id INTEGER PRIMARY KEY)")
    assert "remove_table" in project.refused("alembic", "check")


REVISIONS = {
    "a literal": 'op.create_table("thing", sa.Column("id", sa.Integer, primary_key=True))',
    "renamed": 'op.create_table("old", sa.Column("id", sa.Integer, primary_key=True))\n'
    'op.rename_table("old", "thing")',
    "in SQL": 'op.execute("CREATE TABLE IF NOT EXISTS thing (id INTEGER PRIMARY KEY)")',
    "with quotes": "op.execute('CREATE TABLE \"thing\" (id INTEGER PRIMARY KEY)')",
    "renamed in SQL": 'op.execute("CREATE TABLE old (id INTEGER PRIMARY KEY)")\n'
    'op.execute("ALTER TABLE old RENAME TO thing")',
    "in a block": "with op.get_context().autocommit_block():\n"
    '    op.create_table("thing", sa.Column("id", sa.Integer, primary_key=True))',
}


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
@pytest.mark.parametrize("body", REVISIONS.values(), ids=REVISIONS.keys())
def test_the_revisions_say_which_tables_are_the_projects(project: Project, body: str) -> None:
    project.write_revision("r1", body, 'op.drop_table("thing")', "a1c0de000001")
    project.ok("alembic", "upgrade", "head")
    assert "remove_table" in project.refused("alembic", "check")


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("postgresql")
def test_enums_are_made_once_grow_and_go(project: Project) -> None:
    enum = '    mood: Mapped[str] = mapped_column(sa.Enum({}, name="mood"))\n'
    project.write_model("thing", model(enum.format("'good', 'bad'")))
    project.write_model("other", model(enum.format("'good', 'bad'"), "other"))
    assert project.autogenerate("add moods")
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")
    members = "'good', 'bad', 'so so'"
    column = '    {0}: Mapped[str] = mapped_column({1}, server_default="{2}")\n'
    second = column.format("second", f'sa.Enum({members}, name="mood")', "good")
    both = column.format("both", f'sa.ARRAY(sa.Enum({members}, name="mood"))', "{good}")
    project.write_model("thing", model(enum.format(members) + second + both))
    project.write_model("other", model(enum.format(members), "other"))
    # The type loses a member again when these are there.
    project.write_model("more", model(second + both, "more"))
    assert "so so" in project.refused("alembic", "check")
    assert project.autogenerate("a third mood")
    for _ in range(2):
        project.ok("alembic", "upgrade", "head")
        project.ok("alembic", "check")
        project.sql("INSERT INTO thing (mood) VALUES ('so so')")
        project.sql("DELETE FROM thing")
        project.ok("alembic", "downgrade", "base")
        assert project.sql("SELECT typname FROM pg_type WHERE typname = 'mood'") == []


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_conditions_that_name_members_outlive_their_type(project: Project) -> None:
    """A type's members cannot be removed: the downgrade replaces the type."""
    project.ok("alembic", "upgrade", "head")
    body = """
    mood: Mapped[str] = mapped_column(sa.Enum({members}, name="mood"), server_default="good")
    __table_args__ = (
        sa.Index("good_things", "id", postgresql_where=sa.text("mood = 'good'")),
        sa.CheckConstraint("mood IN ('good', 'bad') OR id > 5", name="moody"),
    )
"""
    project.write_model("thing", model(body.replace("{members}", "'good', 'bad'")))
    assert project.autogenerate("add moods")
    project.ok("alembic", "upgrade", "head")
    catalogue = (
        "SELECT pg_get_indexdef('good_things'::regclass), pg_get_constraintdef(oid)"
        " FROM pg_constraint WHERE contype = 'c'"
    )
    before = project.sql(catalogue)
    project.write_model("thing", model(body.replace("{members}", "'good', 'bad', 'so so'")))
    assert project.autogenerate("a third mood")
    for _ in range(2):
        project.ok("alembic", "upgrade", "head")
        project.ok("alembic", "check")
        project.ok("alembic", "downgrade", "-1")
        assert project.sql(catalogue) == before


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_enums_keep_their_names_and_their_order(project: Project) -> None:
    enum = '    kind: Mapped[str] = mapped_column(sa.Enum({}, name="KindEnum"))\n'
    project.ok("alembic", "upgrade", "head")
    project.write_model("thing", model(enum.format("'Enum', 'its'")))
    assert project.autogenerate("add kinds")
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")
    project.write_model("thing", model(enum.format("'Enum', '50% :off', 'its'")))
    assert project.autogenerate("one between")
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")
    # Without a database, as the review of revisions reads it too.
    assert "ADD VALUE '50% :off' BEFORE 'its'" in project.ok("alembic", "upgrade", "head", "--sql")


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("sqlite", "postgresql")
@pytest.mark.strategies("env-var")
def test_an_index_on_an_expression_is_made_once(project: Project) -> None:
    name = "    name: Mapped[str] = mapped_column(sa.String(80))\n"
    project.write_model("thing", model(name))
    assert project.autogenerate("add things")
    project.ok("alembic", "upgrade", "head")
    index = '\n\nsa.Index("lower_name", sa.func.lower(Thing.name), unique=True)\n'
    project.write_model("thing", model(name) + index)
    assert project.autogenerate("a unique name")
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")
    other = index.replace("lower_name", "lower_other").replace("Thing", "Other")
    project.write_model("other", model(name, "other") + other)
    assert project.autogenerate("add others")
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")
    project.sql("INSERT INTO other (name) VALUES ('a')")
    with pytest.raises(Exception, match="(?i)unique"):
        project.sql("INSERT INTO other (name) VALUES ('A')")


@pytest.mark.usefixtures("at_head")
@pytest.mark.strategies("env-var")
def test_tables_that_refer_to_each_other_are_made_and_dropped(project: Project) -> None:
    key = "mapped_column(sa.ForeignKey('{}.id'{}))"
    project.write_model(
        "pair",
        model(f"    b: Mapped[int] = {key.format('right', ', use_alter=True')}\n", "left")
        + "\n\n"
        + model(f"    a: Mapped[int] = {key.format('left', '')}\n", "right"),
    )
    assert project.autogenerate("a pair")
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")
    project.ok("alembic", "downgrade", "base")
    assert project.tables() == {"alembic_version"}


@pytest.mark.usefixtures("at_head")
@pytest.mark.strategies("env-var")
def test_models_go_together_with_the_keys_to_them(project: Project) -> None:
    key = "    {0}_id: Mapped[int | None] = mapped_column(sa.ForeignKey('{0}.id'), index=True)\n"
    pair = [model(key.format("right"), "left"), model(key.format("left"), "right")]
    module = project.write_model("pair", "\n\n".join([*pair, model(key.format("left"), "third")]))
    first = project.autogenerate("a pair that refers to each other")
    assert first is not None
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")
    module.unlink()
    project.write_model(
        "other", "\n\n".join([model("", "other"), model(key.format("other"), "third")])
    )
    assert project.autogenerate("another one in the pair's place")
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")
    project.ok("alembic", "downgrade", first.name.split("_")[2])
    assert {"left", "right", "third"} <= project.tables()
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")
    project.ok("alembic", "downgrade", "base")
    assert project.tables() == {"alembic_version"}


@pytest.mark.usefixtures("at_head")
@pytest.mark.strategies("env-var")
def test_a_type_with_a_constraint_brings_it_once(project: Project) -> None:
    column = "    kind: Mapped[str] = mapped_column({})\n"
    bound = "sa.Enum('a', 'b', name='kind', native_enum=False, length={}, create_constraint=True)"
    project.write_model("thing", model(column.format("sa.String(9)")))
    assert project.autogenerate("kinds of any name")
    project.ok("alembic", "upgrade", "head")
    for length in (20, 100):
        project.write_model("thing", model(column.format(bound.format(length))))
        assert project.autogenerate("kinds of two names")
        project.ok("alembic", "upgrade", "head")
        project.ok("alembic", "check")
    project.ok("alembic", "downgrade", "base")
    assert project.tables() == {"alembic_version"}


@pytest.mark.usefixtures("at_head")
def test_a_type_of_the_app_is_imported_or_written_as_the_databases(project: Project) -> None:
    (project.package / "types.py").write_text(
        "import sqlalchemy as sa\n\n\n"
        "class Money(sa.types.TypeDecorator):\n    impl = sa.Numeric(12, 2)\n    cache_ok = True\n"
        "\n\nclass Mood(sa.types.TypeDecorator):\n"
        '    impl = sa.Enum("good", "bad", name="mood")\n    cache_ok = True\n'
        "\n\nclass Real(sa.types.UserDefinedType):\n    cache_ok = True\n\n"
        '    def get_col_spec(self):\n        return "REAL"\n'
    )
    text = (
        "    price: Mapped[float] = mapped_column(Money)\n"
        "    mood: Mapped[str] = mapped_column(Mood)\n"
    )
    project.write_model("thing", "from ..types import Money, Mood\n\n\n" + model(text))
    revision = project.autogenerate("add prices")
    assert revision is not None
    # The app's classes may change, and be gone; what they made in the database is there.
    assert "shop" not in revision.read_text()
    assert "sa.Numeric(precision=12, scale=2)" in revision.read_text()
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")
    real = "    weight: Mapped[float] = mapped_column(Real)\n"
    project.write_model("heavy", "from ..types import Real\n\n\n" + model(real, "heavy"))
    revision = project.autogenerate("add weights")
    assert revision is not None
    assert "import shop.types" in revision.read_text()
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "downgrade", "base")


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_a_handed_over_connection_does_not_lose_children_either(project: Project) -> None:
    project.write_revision(
        "r1",
        """
op.create_table("parent", sa.Column("id", sa.Integer, primary_key=True), sa.Column("a", sa.Integer))
op.execute("CREATE TABLE child (id INTEGER, p REFERENCES parent (id) ON DELETE CASCADE)")
op.execute("INSERT INTO parent (id) VALUES (1)")
op.execute("INSERT INTO child VALUES (10, 1)")
""",
        down_revision="a1c0de000001",
    )
    project.ok("alembic", "upgrade", "head")
    project.write_revision(
        "r2",
        'with op.batch_alter_table("parent") as batch:\n    batch.drop_column("a")',
        down_revision="r1",
    )
    code = f"""
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

config = Config("alembic.ini")
engine = sa.create_engine({project.url!r})
sa.event.listen(engine, "connect", lambda c, r: c.execute("PRAGMA foreign_keys = ON"))
with engine.connect() as connection:
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
"""
    end = project.run("python", "-c", code)
    assert "refers to it: switch foreign keys off" in end.stderr
    assert project.sql("SELECT id FROM child") == [(10,)]
    project.ok("alembic", "upgrade", "head")
    assert project.sql("SELECT id FROM child") == [(10,)]


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
def test_a_check_that_is_not_valid_is_reflected_as_such(project: Project) -> None:
    file = project.write_model(
        "thing",
        model("    __table_args__ = (sa.CheckConstraint('id > 0', name='positive'),)"),
    )
    assert project.autogenerate("add things")
    project.ok("alembic", "upgrade", "head")
    project.sql("ALTER TABLE thing DROP CONSTRAINT ck_thing_positive")
    for options in ("NOT VALID", "NO INHERIT NOT VALID", "NO INHERIT"):
        project.sql(f"ALTER TABLE thing ADD CONSTRAINT ck_thing_positive CHECK (id > 0) {options}")
        # As in the project's own tests.
        project.ok("alembic", "check", PYTHONWARNINGS="error")
        if options != "NO INHERIT":
            project.sql("ALTER TABLE thing DROP CONSTRAINT ck_thing_positive")
    project.sql("ALTER TABLE thing DROP CONSTRAINT ck_thing_positive")
    project.sql("ALTER TABLE thing ADD CONSTRAINT ck_thing_positive CHECK (id > 0) NOT VALID")
    file.write_text(file.read_text().replace("sa.CheckConstraint('id > 0', name='positive'),", ""))
    project.sql("INSERT INTO thing DEFAULT VALUES")
    assert project.autogenerate("drop the constraint", PYTHONWARNINGS="error")
    project.ok("alembic", "upgrade", "head", PYTHONWARNINGS="error")
    # The way back asks no more of the rows than there was before.
    project.sql("UPDATE thing SET id = -1")
    project.ok("alembic", "downgrade", "-1", PYTHONWARNINGS="error")
    [(is_valid,)] = project.sql("SELECT convalidated FROM pg_constraint WHERE conname ~ 'positive'")
    assert not is_valid
