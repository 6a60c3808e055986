"""SQLite: what autogenerate sees, and what a table that is rebuilt for it keeps."""

import pytest

from .projects import Project

pytestmark = [
    pytest.mark.databases("sqlite"),
    pytest.mark.strategies("env-var"),
    pytest.mark.usefixtures("at_head"),
]


def table(*items: str) -> str:
    """The text of a table `thing` with an id and these items."""
    lines = ["sa.Column('id', sa.Integer, primary_key=True)", *items]
    return f"sa.Table('thing', Base.metadata, {', '.join(lines)})\n"


def revise(project: Project, *items: str) -> str:
    """Bring the table to these items, and return the SQL of the table and its indexes."""
    project.write_model("thing", table(*items))
    assert project.autogenerate("a change") is not None
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")
    return stored(project)


def stored(project: Project) -> str:
    """Return the SQL of the table and its indexes as SQLite has it, its lines sorted."""
    made = project.sql("SELECT sql FROM sqlite_master WHERE tbl_name = 'thing'")
    # SQLite quotes the name of a table that it has renamed.
    text = "\n".join(sql for (sql,) in made if sql).replace('"thing"', "thing")
    return "\n".join(sorted(line.strip(" ,\t") for line in text.split("\n")))


LOWER = "sa.Index('ix_lower', sa.text('lower(name)'){})"
OPTION = "sqlite_autoincrement=True"
NAME = "sa.Column('name', sa.String(20))"


def test_an_index_on_an_expression_can_change_and_go(project: Project) -> None:
    revise(project, NAME, LOWER.format(""))
    changed = revise(project, NAME, LOWER.format(", unique=True, sqlite_where=sa.text('id > 5')"))
    assert "CREATE UNIQUE INDEX ix_lower ON thing (lower(name)) WHERE id > 5" in changed
    assert "ix_lower" not in revise(project, NAME)
    project.ok("alembic", "downgrade", "-1")
    assert stored(project) == changed


def test_a_column_goes_with_its_index_on_an_expression(project: Project) -> None:
    before = revise(project, NAME, LOWER.format(""))
    assert "name" not in revise(project, "sa.Column('other', sa.Integer)")
    project.ok("alembic", "downgrade", "-1")
    assert stored(project) == before


def test_a_new_index_on_an_expression_is_made_in_a_rebuild(project: Project) -> None:
    revise(project, NAME)
    rebuilt = revise(project, NAME.replace("))", "), nullable=False)"), LOWER.format(""))
    assert "CREATE INDEX ix_lower ON thing (lower(name))" in rebuilt


KEPT = (
    "sa.Column('code', sa.String(20, collation='NOCASE'))",
    "sa.Column('sum', sa.Integer, server_default=sa.text('((1 + 2) * (3 + 4))'))",
    "sa.Column('day', sa.DateTime, server_default=sa.func.now())",
    "sa.Column('odd', sa.String(9), server_default='a :b')",
    "sa.CheckConstraint(\"code <> 'a \\\\:b, (c)'\", name='odd')",
    "sa.UniqueConstraint('code')",
    "sa.UniqueConstraint('code', name='uq_again')",
    "sa.Index('ix_desc', sa.desc('code'), 'sum', sqlite_where=sa.text('sum > 0'))",
    "sa.Column('loud', sa.String(50), sa.Computed(\"upper(code) || '!'\", persisted=False))",
)


def test_a_rebuild_keeps_what_it_does_not_change(project: Project) -> None:
    before = revise(project, *KEPT, "sa.Column('old', sa.Integer)")
    for line in (
        'code VARCHAR(20) COLLATE "NOCASE"',
        "sum INTEGER DEFAULT ((1 + 2) * (3 + 4))",
        "day DATETIME DEFAULT CURRENT_TIMESTAMP",
        "loud VARCHAR(50) GENERATED ALWAYS AS (upper(code) || '!')",
        "ON thing (code DESC, sum) WHERE sum > 0",
    ):
        assert line in before
    after = revise(project, *KEPT, "sa.Column('price', sa.Numeric(9, 2), nullable=False)")
    changed = set(before.split("\n")) ^ set(after.split("\n"))
    assert changed == {"old INTEGER", "price NUMERIC(9, 2) NOT NULL"}
    project.ok("alembic", "downgrade", "-1")
    assert stored(project) == before


def test_a_column_comes_back_with_its_collation(project: Project) -> None:
    before = revise(project, *KEPT)
    revise(project, "sa.Column('sum', sa.Integer)")
    project.ok("alembic", "downgrade", "-1")
    assert stored(project) == before


def test_a_table_comes_back_as_it_was(project: Project) -> None:
    before = revise(project, *KEPT, LOWER.format("").replace("name", "code"), OPTION)
    assert "AUTOINCREMENT" in before
    project.write_model("thing", "")
    assert project.autogenerate("no things") is not None
    project.ok("alembic", "upgrade", "head")
    assert stored(project) == ""
    project.ok("alembic", "downgrade", "-1")
    assert stored(project) == before


def test_what_alembic_does_not_compare_is_compared(project: Project) -> None:
    name = "sa.Column('name', sa.String(9{}))"
    number = "sa.Column('a', sa.Integer)"
    computed = "sa.Column('c', sa.Integer, sa.Computed('a + {}'))"
    check = "sa.CheckConstraint('a > {}', name='small')"
    index = "sa.Index('ix', 'a', sqlite_where=sa.text('a > {}'))"
    parts = [part.format(1) for part in (computed, check, index)]
    revise(project, number, name.format(""), *parts)
    for limit, collation in ((2, ", collation='NOCASE'"), (3, "")):
        parts = [part.format(limit) for part in (computed, check, index)]
        after = revise(project, number, name.format(collation), *parts)
        assert f"GENERATED ALWAYS AS (a + {limit})" in after
        assert f"CHECK (a > {limit})" in after
        assert f"WHERE a > {limit}" in after
        assert ("NOCASE" in after) == bool(collation)
    plain = revise(project, number, name.format(""), "sa.Column('c', sa.Integer)", *parts[1:])
    assert "GENERATED" not in plain


def test_defaults_and_sql_that_were_written_otherwise_are_the_same(project: Project) -> None:
    project.write_revision(
        "r1",
        'op.execute("""CREATE TABLE thing (id INTEGER NOT NULL, [a] integer default (7),'
        " [when] DATETIME DEFAULT (CURRENT_TIMESTAMP), -- a comment, (with this\n"
        " CONSTRAINT ck_thing_small CHECK (`a`>5),\n"
        ' CONSTRAINT pk_thing PRIMARY KEY (id))""")\n'
        'op.execute(\'create index "ix" on "thing" (LOWER( "a" ) ,`id` asc) where a>0\')',
        down_revision="a1c0de000001",
    )
    project.ok("alembic", "upgrade", "head")
    project.write_model(
        "thing",
        table(
            "sa.Column('a', sa.Integer, server_default=sa.text('7'))",
            "sa.Column('when', sa.DateTime, server_default=sa.func.now())",
            "sa.CheckConstraint('a > 5', name='small')",
            "sa.Index('ix', sa.text('lower(a)'), 'id', sqlite_where=sa.text('a > 0'))",
        ),
    )
    project.ok("alembic", "check")
