"""Old code on the new schema: the old code's own tests say what a deploy breaks."""

import signal

import pytest

from .projects import Project
from .repositories import Git
from .test_one_at_a_time import wait_until
from .test_status import HEAD

COMPATIBILITY = ("python", "-m", "migrator.compatibility")
NUMBER = 'sa.Column("number", sa.Integer(), nullable={nullable})'
# Each is what a new revision does to the table `note`, and whether the old code breaks.
CHANGES = {
    "rename": ('note.alter_column("text", new_column_name="line", existing_type=TEXT)', True),
    "drop": ('note.drop_column("text")', True),
    "required": (f"note.add_column({NUMBER.format(nullable=False)})", True),
    "check": ('note.create_check_constraint("ck_note_long", "length(text) > 100")', True),
    "index": ('note.create_index("ix_note_text", ["text"])', False),
    "nullable": (f"note.add_column({NUMBER.format(nullable=True)})", False),
    "wider": ('note.alter_column("text", type_=sa.Text(), existing_type=TEXT)', False),
}
WAITING = """
import time
from pathlib import Path

def test_that_waits(app) -> None:
    Path({here!r}).touch()
    time.sleep(60)
"""


@pytest.fixture
def git(project: Project) -> Git:
    """The project's repository, whose main branch has nothing but the notes' tests."""
    for path in (project.path / "tests").glob("test_*.py"):
        if path.name not in ("test_notes.py", "test_migrations.py"):
            path.unlink()
    if project.database != "sqlite":
        project.environment["TEST_DATABASE_URL"] = project.url
    git = Git(project.path)
    git.commit("what is deployed")
    git.ok("git", "switch", "--quiet", "--create", "feature")
    return git


def change(project: Project, body: str) -> None:
    """Write a revision that changes the table of notes."""
    batch = f'TEXT = sa.String(200)\nwith op.batch_alter_table("note") as note:\n    {body}'
    project.write_revision("r1", batch, down_revision=HEAD)
    project.ok("python", "-m", "migrator.revisions.head")


def databases(project: Project) -> set[str]:
    """The names of the server's databases whose names begin with the project's own."""
    if project.database == "sqlite":
        return set()
    listed = {
        "postgresql": "SELECT datname FROM pg_database",
        "mysql": "SELECT schema_name FROM information_schema.schemata",
    }
    found = {str(row[0]) for row in project.sql(listed[project.database])}
    return {name for name in found if name.startswith(project.url.rpartition("/")[2] + "_")}


def assert_nothing_is_left(project: Project, git: Git, before: str) -> None:
    """Fail if a worktree, a database or a change of the working tree is left."""
    assert len(git.ok("git", "worktree", "list").splitlines()) == 1
    assert git.ok("git", "status", "--porcelain") == before
    assert databases(project) == set()


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
@pytest.mark.parametrize("name", CHANGES)
def test_it_is_red_where_the_old_code_breaks(project: Project, git: Git, name: str) -> None:
    run_with(project, git, name)


@pytest.mark.databases("sqlite", "mysql")
@pytest.mark.strategies("env-var")
def test_it_is_red_and_green_on_every_database(project: Project, git: Git) -> None:
    run_with(project, git, "drop")
    project.revisions()[-1].unlink()
    run_with(project, git, "index")


def run_with(project: Project, git: Git, name: str) -> None:
    """Run the command on a branch with one of `CHANGES`, and look at what it says and leaves."""
    body, is_breaking = CHANGES[name]
    # On no commit yet.
    change(project, body)
    before = git.ok("git", "status", "--porcelain")
    end = project.run(*COMPATIBILITY)
    output = end.stdout + end.stderr
    assert end.returncode == is_breaking, output
    assert ("This deploy breaks the code that is running" in output) == is_breaking
    assert ("This deploy breaks nothing that these tests run" in output) != is_breaking
    assert "the code of the main branch" in output
    # Those that compare models and revisions are left out.
    assert "test_migrations.py" not in output
    assert "deselected" in output
    assert_nothing_is_left(project, git, before)


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("flask-config")
def test_new_code_on_the_old_schema(project: Project, git: Git) -> None:
    change(project, CHANGES["nullable"][0])
    git.commit("the migration")
    model = project.package / "models" / "note.py"
    column = "    number: Mapped[int | None] = mapped_column()\n"
    model.write_text(model.read_text() + column)
    assert "the code of main (" in project.ok(*COMPATIBILITY, "main")
    end = project.run(*COMPATIBILITY, "main", "--code-first")
    assert end.returncode == 1
    assert "the code of this branch on the schema of main (" in end.stdout
    assert "This deploy breaks the new code until it has migrated" in end.stdout
    # An index is no matter to it.
    git.ok("git", "switch", "--quiet", "--create", "other", "--discard-changes", "main")
    change(project, CHANGES["index"][0])
    assert "breaks nothing" in project.ok(*COMPATIBILITY, "main", "--code-first")
    git.ok("git", "clean", "--quiet", "--force", "alembic")
    git.ok("git", "checkout", "--quiet", ".")
    assert_nothing_is_left(project, git, before="")


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("flask-config")
def test_a_project_in_a_folder_of_its_repository(project: Project) -> None:
    git = Git(project.path.parent)
    git.commit("what is deployed")
    change(project, CHANGES["index"][0])
    assert "breaks nothing" in project.ok(*COMPATIBILITY)
    change(project, CHANGES["drop"][0])
    assert project.run(*COMPATIBILITY).returncode == 1
    assert len(git.ok("git", "worktree", "list").splitlines()) == 1


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_what_cannot_be_tested_is_said_in_a_line(project: Project, git: Git) -> None:
    assert "has no new revision" in project.ok(*COMPATIBILITY)
    # What GitHub says is before the first push of a branch.
    assert "no old code runs" in project.ok(*COMPATIBILITY, "0" * 40)
    refused = project.refused(*COMPATIBILITY, "nosuchbranch")
    assert refused == "Error: git knows no commit 'nosuchbranch'; try origin/main.\n"
    git.edit("tests/test_migrations.py", "pytestmark = pytest.mark.schema\n", "")
    commit = git.commit("an older release of the template")
    change(project, CHANGES["index"][0])
    end = project.run(*COMPATIBILITY, commit)
    assert end.returncode == 2
    assert end.stderr.startswith(f"Error: No test of {commit[:8]} has the marker `schema`")
    assert len(end.stderr.splitlines()) == 1
    (project.path / ".git").rename(project.path / "no_repository")
    assert "not a git repository" in project.refused(*COMPATIBILITY)


@pytest.mark.databases("postgresql", "mysql")
@pytest.mark.strategies("env-var")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
def test_stopped_it_cleans_up(project: Project, git: Git, number: signal.Signals) -> None:
    here = project.path / "alembic" / "here"
    waiting = project.path / "tests" / "test_waiting.py"
    waiting.write_text(WAITING.format(here=str(here)))
    git.ok("git", "switch", "--quiet", "main")
    git.commit("a test that takes long")
    change(project, CHANGES["index"][0])
    process = project.start(*COMPATIBILITY)
    try:
        wait_until(lambda: here.exists() or process.poll() is not None)
        assert databases(project) != set()
        process.send_signal(number)
        output = process.communicate(timeout=60)[0]
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130, output
    assert "Traceback" not in output
    here.unlink()
    assert_nothing_is_left(project, git, git.ok("git", "status", "--porcelain"))
