"""Revisions with rows: filled tables go up, down and up again, and what is lost is found."""

import pytest

from .projects import Project
from .repositories import Git

PYTEST = ("pytest", "-q", "-k", "test_new_revisions_keep_the_rows")
MODELS = """
class Kind(Base):
    __tablename__ = "kind"
    name: Mapped[str] = mapped_column(sa.String(4), primary_key=True)

class Thing(Base):
    __tablename__ = "thing"
    __table_args__ = (
        sa.CheckConstraint("state IN ('open', 'closed')", name="state"),
        sa.CheckConstraint("low < 7", name="low"),
    )
    id: Mapped[int] = mapped_column(sa.Identity(), primary_key=True)
    kind_name: Mapped[str] = mapped_column(sa.ForeignKey("kind.name"))
    parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("thing.id"))
    text: Mapped[str | None] = mapped_column(sa.String(80), unique=True)
    state: Mapped[str] = mapped_column(sa.String(20))
    low: Mapped[int]
    price: Mapped[float] = mapped_column(sa.Numeric(6, 2))
    at: Mapped[str | None] = mapped_column(sa.DateTime(timezone=True))
    day: Mapped[str] = mapped_column(sa.Date())
    data: Mapped[str] = mapped_column(sa.JSON())
    mood: Mapped[str] = mapped_column(sa.Enum("good", "bad", name="mood"))
    raw: Mapped[bytes]
    on: Mapped[bool]
    made: Mapped[str] = mapped_column(sa.DateTime(), server_default=sa.func.now())
"""
NULLABLE = (
    'with op.batch_alter_table("thing") as thing:\n'
    '    thing.alter_column("text", existing_type=sa.String(80), nullable={})\n'
)
FILL = "op.execute(\"UPDATE thing SET text = 'none' WHERE text IS NULL\")\n"
ADD = 'with op.batch_alter_table("thing") as thing:\n    thing.add_column(sa.Column({}))\n'
DROP = 'with op.batch_alter_table("thing") as thing:\n    thing.drop_column("{}")\n'
REQUIRED = ADD.format('"more", sa.Integer(), nullable=False')
# What a new revision does to these tables, and its way back.
KEEPS = (
    FILL + NULLABLE.format(False) + 'op.create_index("ix_low", "thing", ["low"])',
    'op.drop_index("ix_low", "thing")\n' + NULLABLE.format(True),
)
FAILS = {
    "not null": (NULLABLE.format(False), NULLABLE.format(True)),
    "required": (REQUIRED, DROP.format("more")),
    "downgrade": (ADD.format('"other", sa.Integer()'), DROP.format("other") + REQUIRED),
}
LOSES = (
    'op.execute("UPDATE thing SET price = 1")\n'
    'op.execute("DELETE FROM kind WHERE name NOT IN (SELECT kind_name FROM thing)")\n'
    + DROP.format("text").rstrip(),
    ADD.format('"text", sa.String(80)'),
)
ADDS = (
    'op.create_table("more", sa.Column("id", sa.Integer, primary_key=True))\n'
    'op.add_column("thing", sa.Column("number", sa.Integer))\n'
    'op.execute("UPDATE thing SET number = id")'
)
REMOVES = DROP.format("number") + 'op.drop_table("more")'
PAIR = (
    'op.create_table("pair", sa.Column("low", sa.Integer, nullable=False),'
    ' sa.Column("high", sa.Integer, nullable=False), sa.CheckConstraint("high - low > 50"))'
)


@pytest.fixture
def git(project: Project) -> Git:
    """The project on a branch; what is deployed has tables of all kinds."""
    if project.database != "sqlite":
        project.environment["TEST_DATABASE_URL"] = project.url
    for path in (project.path / "tests").glob("test_*.py"):
        if path.name != "test_migrations.py":
            path.unlink()
    project.ok("alembic", "upgrade", "head")
    project.write_model("thing", MODELS)
    assert project.autogenerate("things")
    git = Git(project.path)
    git.commit("what is deployed")
    git.ok("git", "switch", "--quiet", "--create", "feature")
    return git


def change(project: Project, bodies: tuple[str, str], review: str = "") -> None:
    """Write a revision on top of what is deployed."""
    deployed = (project.path / "alembic" / "HEAD").read_text().strip()
    project.write_revision("r1", bodies[0] + review, bodies[1], deployed)


@pytest.mark.strategies("env-var")
def test_losses_and_failures_are_found(project: Project, git: Git) -> None:
    assert "1 passed" in project.ok(*PYTEST)
    change(project, KEEPS)
    output = project.ok(*PYTEST)
    assert "loses" not in output
    assert "had no rows" not in output
    for name, bodies in FAILS.items():
        # MariaDB gives old rows a 0.
        if name == "not null" or project.database != "mysql":
            change(project, bodies)
            assert "This was with rows in the tables" in project.refused_by_tests(*PYTEST)
    change(project, LOSES)
    lost = ("2 of 3 values of thing.price", "2 of 2 values of thing.text")
    output = project.refused_by_tests(*PYTEST)
    assert all(f"r1 loses {what}\n" in output for what in lost)
    # It may be meant.
    change(project, LOSES, "  # reviewed: nobody needs it")
    output = project.ok(*PYTEST)
    assert all(f"r1 loses {what}\n" in output for what in lost)


@pytest.mark.strategies("env-var")
def test_what_a_downgrade_loses_is_named(project: Project, git: Git) -> None:
    change(project, (ADDS, REMOVES))
    output = project.ok(*PYTEST)
    assert "the downgrade loses 3 of 3 rows of more\n" in output
    assert "the downgrade loses 3 of 3 values of thing.number\n" in output


@pytest.mark.strategies("env-var")
def test_what_cannot_be_guessed_comes_from_the_project(project: Project, git: Git) -> None:
    git.ok("git", "switch", "--quiet", "main")
    deployed = (project.path / "alembic" / "HEAD").read_text().strip()
    project.write_revision("r0", PAIR, 'op.drop_table("pair")', deployed)
    project.ok("python", "-m", "migrator.revisions.head")
    git.commit("a table that cannot be guessed")
    project.write_revision("r1", 'op.drop_table("pair")', PAIR, "r0")
    output = project.ok(*PYTEST)
    assert "pair had no rows: " in output
    git.edit(
        "tests/test_migrations.py",
        "ROWS: dict[str, dict[str, Any]] = {}",
        ('ROWS: dict[str, dict[str, Any]] = {"pair": {"low": 1, "high": lambda n: 51 + n}}'),
    )
    output = project.refused_by_tests(*PYTEST)
    assert "pair had no rows" not in output
    assert "r1 loses 3 of 3 rows of pair" in output


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_without_git_it_is_skipped(project: Project) -> None:
    output = project.ok(*PYTEST)
    assert "1 skipped" in output
    assert "git does not tell which revisions are new" in output
