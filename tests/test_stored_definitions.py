"""What the server stores in words of its own: it is asked, and what it cannot do is said in time."""

import re

import pytest

from .projects import Project
from .servers import execute
from .test_autogenerate import model

pytestmark = [pytest.mark.strategies("env-var"), pytest.mark.usefixtures("at_head")]


def write_and_upgrade(project: Project, message: str, columns: str) -> str:
    """Give `thing` these columns, bring the database there, and return what that printed."""
    project.write_model("thing", model(columns))
    written = project.run("alembic", "revision", "--autogenerate", "-m", message)
    assert written.returncode == 0, written.stderr
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")
    return written.stderr


@pytest.mark.databases("postgresql", "mysql")
def test_what_a_revision_drops_comes_back_as_it_was(project: Project) -> None:
    size = (
        '    size: Mapped[int | None] = mapped_column(sa.Computed("length(name)", persisted=True)'
    )
    items = (
        "    name: Mapped[str] = mapped_column(sa.String(9), unique=True)\n"
        + size
        + ", index=True)\n"
        + "    __table_args__ = (\n"
        "        sa.UniqueConstraint('name', name='again'),\n"
        "        sa.CheckConstraint(r\"name <> 'x \\:y'\", name='odd'),\n"
        "    )\n"
    )
    write_and_upgrade(project, "add things", items)
    assert project.sql("SELECT size FROM thing") == []
    plain = "    name: Mapped[str] = mapped_column(sa.String(9))\n"
    write_and_upgrade(project, "only a name", plain)
    project.ok("alembic", "downgrade", "-1")
    project.write_model("thing", model(items))
    # By its name: files of one second sort by their identifiers.
    [path] = [path for path in project.revisions() if "only_a_name" in path.name]
    path.unlink()
    (project.path / "alembic" / "HEAD").unlink()
    project.ok("alembic", "check")


@pytest.mark.databases("mysql")
def test_a_changed_json_column_takes_nothing_but_json(project: Project) -> None:
    column = (
        "    data: Mapped[dict | None] = mapped_column("
        'sa.JSON, server_default=sa.text("(json_object(\'a\', 1))"), comment="it\'s", nullable={})\n'
    )
    write_and_upgrade(project, "add things", column.format(True))
    write_and_upgrade(project, "always data", column.format(False))
    with pytest.raises(Exception, match="CONSTRAINT"):
        project.sql("INSERT INTO thing (data) VALUES ('no')")
    project.sql("INSERT INTO thing (id) VALUES (1)")
    assert '"a"' in str(project.sql("SELECT data FROM thing"))


@pytest.mark.databases("mysql")
def test_a_small_number_becomes_a_boolean(project: Project) -> None:
    imported = "    from sqlalchemy.dialects.mysql import TINYINT\n\n"
    column = imported + "    flag: Mapped[int] = mapped_column({})\n"
    write_and_upgrade(project, "add things", column.format("TINYINT"))
    write_and_upgrade(project, "flags", column.format("sa.Boolean"))
    project.ok("alembic", "downgrade", "-1")
    project.ok("alembic", "upgrade", "head")
    [(_, created)] = project.sql("SHOW CREATE TABLE thing")
    assert "`flag` tinyint(1)" in created


@pytest.mark.databases("postgresql")
def test_a_cast_that_needs_using_is_written_and_named(project: Project) -> None:
    column = "    size: Mapped[str] = mapped_column(sa.{})\n"
    write_and_upgrade(project, "add things", column.format("String(9)"))
    project.sql("INSERT INTO thing (size) VALUES ('7')")
    said = write_and_upgrade(project, "numbers", column.format("Integer"))
    assert "thing.size: VARCHAR(9) becomes INTEGER with USING" in said
    assert project.sql("SELECT size FROM thing") == [(7,)]
    write_and_upgrade(project, "and back", column.format("String(9)"))
    for _ in range(2):
        project.ok("alembic", "downgrade", "-1")
    assert project.sql("SELECT size FROM thing") == [("7",)]


@pytest.mark.databases("postgresql")
def test_an_expression_in_an_index_comes_back_with_its_order_and_class(project: Project) -> None:
    columns = (
        "    name: Mapped[str] = mapped_column(sa.String(9))\n"
        '    short: Mapped[str | None] = mapped_column(sa.Computed("{}(name)"))\n'
        "    __table_args__ = (sa.Index('on_short', sa.text('lower(short) DESC NULLS LAST')),{})\n"
    )
    on_name = "sa.Index('on_name', sa.text('upper(name) text_pattern_ops DESC'))"
    definitions = "SELECT indexdef FROM pg_indexes WHERE indexname ~ '^on_' ORDER BY indexname"
    write_and_upgrade(project, "add things", columns.format("lower", on_name))
    before = project.sql(definitions)
    assert len(before) == 2
    assert "Warning" not in project.run("alembic", "check").stderr
    # The index on the column is made again with it.
    write_and_upgrade(project, "compute otherwise", columns.format("upper", ""))
    project.ok("alembic", "downgrade", "-1")
    assert project.sql(definitions) == before


@pytest.mark.databases("postgresql")
def test_a_unique_that_moves_to_the_columns_of_another_takes_its_place(project: Project) -> None:
    columns = (
        "    name: Mapped[str] = mapped_column(sa.String(9), unique=True)\n"
        "    size: Mapped[int]\n"
        "    __table_args__ = (sa.UniqueConstraint('{}', name='again'),)\n"
    )
    there = "SELECT conname FROM pg_constraint WHERE conname ~ 'again|thing_name' ORDER BY 1"
    write_and_upgrade(project, "add things", columns.format("size"))
    assert project.sql(there) == [("again",), ("uq_thing_name",)]
    # CREATE TABLE makes one UNIQUE for the same columns, the first.
    write_and_upgrade(project, "unique otherwise", columns.format("name"))
    assert project.sql(there) == [("again",)]
    project.ok("alembic", "downgrade", "-1")
    assert project.sql(there) == [("again",), ("uq_thing_name",)]


@pytest.mark.databases("postgresql")
def test_a_list_in_the_place_of_one_is_seen_and_types_of_the_app_are_read(project: Project) -> None:
    types = """class Moment(sa.TypeDecorator):
    impl = sa.DateTime
    cache_ok = True


class Tags(sa.TypeDecorator):
    impl = sa.ARRAY(sa.Text)
    cache_ok = True


VARIANT = sa.Text().with_variant(postgresql.ARRAY(sa.Integer), "postgresql")
"""
    columns = (
        "    moment: Mapped[str] = mapped_column(Moment)\n"
        "    tags: Mapped[str] = mapped_column(Tags)\n"
        "    numbers: Mapped[str] = mapped_column(VARIANT)\n"
        "    one: Mapped[str | None] = mapped_column({}, server_default='{}')\n"
    )
    imports = "from sqlalchemy.dialects import postgresql\n\n\n"
    there = "SELECT data_type, column_default FROM information_schema.columns"
    there += " WHERE column_name = 'one'"
    for type_, default, *stored in (
        ("sa.Text", "x", "text", "'x'::text"),
        ("sa.ARRAY(sa.Text)", "{}", "ARRAY", "'{}'::text[]"),
        ("sa.Text", "x", "text", "'x'::text"),
    ):
        body = imports + types + "\n\n" + model(columns.format(type_, default))
        project.write_model("thing", body)
        assert project.autogenerate("change it")
        project.ok("alembic", "upgrade", "head")
        project.ok("alembic", "check")
        assert project.sql(there) == [tuple(stored)]
    for _ in range(2):
        project.ok("alembic", "downgrade", "-1")
    assert project.sql(there) == [("text", "'x'::text")]


@pytest.mark.databases("postgresql")
def test_what_is_on_a_column_comes_back_as_it_was_with_the_old_type(project: Project) -> None:
    columns = (
        "    size: Mapped[int] = mapped_column(sa.{})\n"
        "    __table_args__ = (\n"
        "        sa.Index('on_size', sa.text('(size + 1)')),\n"
        "        sa.CheckConstraint('size > 0', name='size'),\n"
        "        sa.CheckConstraint('size > 0', name='size_again'),\n"
        "    )\n"
    )
    stored = (
        "SELECT indexdef FROM pg_indexes WHERE indexname = 'on_size' UNION ALL"
        " SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conname ~ 'ck_thing_size' ORDER BY 1"
    )
    write_and_upgrade(project, "add things", columns.format("BigInteger"))
    [revision], before = project.version(), project.sql(stored)
    assert len(before) == 3
    write_and_upgrade(project, "with decimals", columns.format("Numeric(9, 2)"))
    project.ok("alembic", "downgrade", revision)
    # The server would write casts into what it keeps.
    assert project.sql(stored) == before


@pytest.mark.databases("postgresql")
def test_an_identity_becomes_what_the_model_has_and_comes_back(project: Project) -> None:
    column = "    size: Mapped[int | None] = mapped_column({})\n"
    definitions = (
        "sa.Integer, sa.Identity(), nullable=False",
        "sa.Integer, server_default='3'",
        "sa.BigInteger, sa.Identity(always=True, start=5), nullable=False",
        "sa.BigInteger, sa.Identity(start=7), nullable=False",
        "sa.Text",
    )
    stored = (
        "SELECT data_type, is_nullable, identity_generation, identity_start, column_default"
        " FROM information_schema.columns WHERE column_name = 'size' AND table_name = 'thing'"
    )
    before = []
    for definition in definitions:
        write_and_upgrade(project, "change it", column.format(definition))
        before.append(project.sql(stored))
    assert before[0] == [("integer", "NO", "BY DEFAULT", "1", None)]
    assert before[1] == [("integer", "YES", None, None, "3")]
    for there in reversed(before):
        assert project.sql(stored) == there
        project.ok("alembic", "downgrade", "-1")


@pytest.mark.databases("postgresql", "mysql")
def test_a_change_of_type_without_a_cast_is_refused_when_it_is_written(project: Project) -> None:
    column = "    moment: Mapped[str] = mapped_column(sa.{})\n"
    write_and_upgrade(project, "add things", column.format("DateTime"))
    project.write_model("thing", model(column.format("Uuid")))
    said = project.refused("alembic", "revision", "--autogenerate", "-m", "no cast")
    assert re.search(r"thing\.moment: .* no cast from \w+.* to UUID", said)
    assert len(project.revisions()) == 2


@pytest.mark.databases("postgresql", "mysql")
def test_without_the_right_to_temporary_tables_it_compares_less_and_says_so(
    project: Project,
) -> None:
    check = (
        "    size: Mapped[int] = mapped_column(server_default=sa.text('1'))\n"
        "    __table_args__ = (sa.CheckConstraint('size BETWEEN 1 AND 3', name='size'),)\n"
    )
    write_and_upgrade(project, "add things", check)
    name = project.url.rpartition("/")[2]
    if project.database == "postgresql":
        execute("postgresql", f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")
        project.sql(f"CREATE ROLE {name} LOGIN")
        project.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
    else:
        project.sql(f"CREATE USER {name}@'%'")
        project.sql(f"GRANT SELECT ON {name}.* TO {name}@'%'")
    try:
        user = project.url.replace(
            "postgres@" if "postgres@" in project.url else "root@", f"{name}@"
        )
        end = project.run("alembic", "check", **{project.url_variable(): user})
        assert end.returncode == 0, end.stdout + end.stderr
        assert len(re.findall("(?i)temporary", end.stderr)) == 1, end.stderr
    finally:
        if project.database == "postgresql":
            project.sql(f"DROP OWNED BY {name}")
            execute("postgresql", f"DROP ROLE {name}")
        else:
            project.sql(f"DROP USER {name}@'%'")


@pytest.mark.databases("postgresql")
def test_a_program_compares_without_env_py(project: Project) -> None:
    enum = '    mood: Mapped[str] = mapped_column(sa.Enum("good", name="mood"))\n'
    project.write_model("thing", model(enum))
    code = f"""
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from migrator.dialect.registration import register
from shop.database.migrations import PROJECT

register()
with sa.create_engine({project.url.replace("postgresql:", "postgresql+psycopg:")!r}).connect() as c:
    found = compare_metadata(MigrationContext.configure(c), PROJECT.load_metadata())
print(*(item[0] for item in found))
"""
    assert {"create_enum", "add_table"} <= set(project.python(code).split())
