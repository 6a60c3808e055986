"""`alembic/HEAD` and `flask db rebase`: two branches that each add a revision, in real git."""

import os
import shutil
from pathlib import Path

import pytest

from .projects import Project
from .repositories import Git
from .test_first_steps import AUTHOR


def head_file(project: Project) -> str:
    """What alembic/HEAD says."""
    return (project.path / "alembic" / "HEAD").read_text(encoding="utf-8").strip()


def heads(project: Project) -> set[str]:
    """The ids of the revisions that no other one follows."""
    return {line.split()[0] for line in project.ok("alembic", "heads").splitlines()}


def follows(project: Project, revision: str) -> str:
    """What the docstring of a revision says it revises."""
    [path] = (project.path / "alembic" / "versions").glob(f"*_{revision}_*.py")
    text = path.read_text(encoding="utf-8")
    written = text.split("\nRevises:")[1].split("\n")[0].strip()
    expected = f'"{written}"' if written else "None"
    assert f"down_revision: str | Sequence[str] | None = {expected}\n" in text
    return written


def add_revision(project: Project, git: Git, name: str) -> str:
    """Add a revision, commit it, and return its id."""
    project.ok("alembic", "revision", "-m", name)
    git.commit(f"add {name}")
    return head_file(project)


@pytest.fixture
def git(project: Project) -> Git:
    """The project's repository, with everything committed on main."""
    git = Git(project.path)
    git.commit("the project")
    return git


@pytest.fixture
def branches(project: Project, git: Git) -> tuple[str, str]:
    """The newest revisions of main and of feature, which is checked out and has two."""
    git.ok("git", "switch", "--quiet", "--create", "feature")
    add_revision(project, git, "Mine")
    feature = add_revision(project, git, "Later")
    git.ok("git", "switch", "--quiet", "main")
    main = add_revision(project, git, "Theirs")
    git.ok("git", "switch", "--quiet", "feature")
    return main, feature


@pytest.mark.usefixtures("at_head")
@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
@pytest.mark.example(True, False)
def test_the_file_names_the_newest_revision_whichever_command_wrote_it(project: Project) -> None:
    assert head_file(project) == ("a1c0de000001" if project.answers["example"] else "base")
    project.write_model("author", AUTHOR)
    seen = {head_file(project)}
    for command in (
        ("flask", "db", "migrate", "-m", "one"),
        ("alembic", "revision", "-m", "two"),
        ("flask", "db", "revision", "-m", "three"),
    ):
        project.ok(*command)
        assert heads(project) == {head_file(project)}
        seen.add(head_file(project))
    assert len(seen) == 4
    # Two heads, and then one again.
    project.ok("alembic", "revision", "-m", "five", "--head", "base", "--splice")
    assert set(head_file(project).splitlines()) == heads(project)
    assert len(heads(project)) == 2
    project.ok("alembic", "merge", "heads", "-m", "six")
    assert heads(project) == {head_file(project)}


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_its_own_test_says_what_to_type(project: Project) -> None:
    revisions = project.revisions()
    text = revisions[0].read_text(encoding="utf-8")
    other = text.replace("a1c0de000001", "b00000000002").replace(
        "= None\nbranch", '= "a1c0de000001"\nbranch'
    )
    revisions[0].with_name("20270101_000000_b00000000002_by_hand.py").write_text(other)
    output = project.refused("pytest", "tests/test_migrations.py", "-k", "head")
    command = "uv run python -m migrator.revisions.head"
    assert command in output
    project.ok(*command.split()[2:])
    assert head_file(project) == "b00000000002"
    project.ok("pytest", "tests/test_migrations.py", "-k", "head")


@pytest.mark.databases("sqlite")
def test_a_merge_conflicts_and_a_rebase_puts_it_right(
    project: Project, git: Git, branches: tuple[str, str]
) -> None:
    main, feature = branches
    assert git.run("git", "merge", "main").returncode == 1
    assert git.ok("git", "diff", "--name-only", "--diff-filter=U").split() == ["alembic/HEAD"]
    assert "two heads" not in project.ok("flask", "db", "rebase")
    assert heads(project) == {feature}
    assert head_file(project) == feature
    mine = follows(project, feature)
    assert follows(project, mine) == main
    git.commit("merged")
    assert git.ok("git", "diff", "main", "--", f"alembic/versions/*{main}*") == ""
    project.ok("ruff", "format", "--check", "alembic")
    assert "Nothing to rebase" in project.refused("flask", "db", "rebase")


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_the_moved_file_is_read_anew_within_the_same_second(
    project: Project, git: Git, branches: tuple[str, str]
) -> None:
    _, feature = branches
    git.run("git", "merge", "main")
    written = {path: path.stat() for path in project.revisions()}
    project.ok("flask", "db", "rebase")
    for path, before in written.items():
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert heads(project) == {feature}


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_it_works_while_git_rebases(project: Project, git: Git, branches: tuple[str, str]) -> None:
    main, feature = branches
    assert git.run("git", "rebase", "main").returncode == 1
    project.ok("flask", "db", "rebase")
    git.ok("git", "add", "--all")
    assert git.run("git", "rebase", "--continue", GIT_EDITOR="true").returncode == 0
    assert heads(project) == {feature} == {head_file(project)}
    assert follows(project, follows(project, feature)) == main
    assert git.ok("git", "status", "--short") == ""


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_on_main_the_branch_that_comes_in_is_moved(
    project: Project, git: Git, branches: tuple[str, str]
) -> None:
    main, feature = branches
    git.ok("git", "switch", "--quiet", "main")
    assert git.run("git", "merge", "feature").returncode == 1
    project.ok("flask", "db", "rebase")
    assert heads(project) == {feature}
    assert follows(project, follows(project, feature)) == main


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_what_the_remote_has_wins(project: Project, git: Git, tmp_path: Path) -> None:
    """A revision of main's own that was not pushed yet is the one to move."""
    git.ok("git", "init", "--quiet", "--bare", str(tmp_path / "remote"))
    git.ok("git", "remote", "add", "origin", str(tmp_path / "remote"))
    git.ok("git", "push", "--quiet", "--set-upstream", "origin", "main")
    git.ok("git", "switch", "--quiet", "--create", "other")
    theirs = add_revision(project, git, "Theirs")
    git.ok("git", "push", "--quiet", "origin", "other:main")
    git.ok("git", "switch", "--quiet", "main")
    mine = add_revision(project, git, "Mine")
    assert git.run("git", "pull", "--quiet", "--no-rebase").returncode == 1
    project.ok("flask", "db", "rebase")
    assert follows(project, mine) == theirs
    assert head_file(project) == mine


@pytest.mark.strategies("env-var")
def test_what_the_database_has_does_not_move(
    project: Project, git: Git, branches: tuple[str, str]
) -> None:
    _, feature = branches
    # Its first revision alone is enough.
    mine = follows(project, feature)
    project.ok("alembic", "upgrade", mine)
    assert git.run("git", "merge", "main").returncode == 1
    before = git.ok("git", "status", "--short")
    output = project.refused("flask", "db", "rebase")
    assert f"The database has {mine}" in output
    assert git.ok("git", "status", "--short") == before
    command = output[output.rindex("alembic downgrade") :].split()
    assert command == ["alembic", "downgrade", "a1c0de000001"]
    project.ok(*command)
    project.ok("flask", "db", "rebase")
    project.ok("alembic", "upgrade", "head")
    assert project.version() == [feature]


@pytest.mark.strategies("env-var")
def test_a_database_that_does_not_answer_may_have_it(
    project: Project, git: Git, branches: tuple[str, str]
) -> None:
    assert git.run("git", "merge", "main").returncode == 1
    before = git.ok("git", "diff")
    wrong = {
        "sqlite": "sqlite:////no/such/folder/db.sqlite3",
        "postgresql": "postgresql://user@127.0.0.1:1/db",
        "mysql": "mysql://user@127.0.0.1:1/db",
    }
    output = project.refused(
        "flask", "db", "rebase", **{project.url_variable(): wrong[project.database]}
    )
    assert "Cannot " in output
    # A database from another branch: its revision is not here.
    project.ok("alembic", "upgrade", "a1c0de000001")
    project.sql("DELETE FROM alembic_version")
    project.sql("INSERT INTO alembic_version VALUES ('abcdef')")
    assert "abcdef" in project.refused("flask", "db", "rebase")
    assert git.ok("git", "diff") == before


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
@pytest.mark.example(False)
def test_two_first_revisions(project: Project, git: Git, branches: tuple[str, str]) -> None:
    main, feature = branches
    assert git.run("git", "merge", "main").returncode == 1
    project.ok("flask", "db", "rebase")
    assert follows(project, main) == ""
    assert follows(project, follows(project, feature)) == main


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_it_does_not_guess(project: Project, git: Git, branches: tuple[str, str]) -> None:
    main, feature = branches
    assert "here are 1" in project.refused("flask", "db", "rebase")
    git.ok("git", "branch", "--move", "main", "trunk")
    assert git.run("git", "merge", "trunk").returncode == 1
    output = project.refused("flask", "db", "rebase")
    assert "flask db rebase BRANCH" in output
    shutil.move(project.path / ".git", project.path.parent / "hidden")
    assert "flask db rebase BRANCH" in project.refused("flask", "db", "rebase", "trunk")
    shutil.move(project.path.parent / "hidden", project.path / ".git")
    project.ok("flask", "db", "rebase", "trunk")
    assert heads(project) == {feature}
    # Merging stays possible, and what is merged does not move.
    git.commit("merged")
    project.ok("alembic", "revision", "-m", "one", "--rev-id", "aaaa")
    project.ok("alembic", "revision", "-m", "two", "--head", feature, "--splice")
    project.ok("alembic", "merge", "heads", "-m", "both")
    project.ok(
        "alembic", "revision", "-m", "three", "--head", feature, "--splice", "--rev-id", "bbbb"
    )
    (project.path / "alembic" / "HEAD").write_text("bbbb\n")
    git.commit("a branch")
    assert "do not move" in project.refused("flask", "db", "rebase", "HEAD")
    assert main


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
@pytest.mark.example(True, False)
def test_the_diagram_shows_the_models(project: Project) -> None:
    path = project.path / "docs" / "schema.md"
    assert path.exists() == project.answers["example"]
    before = path.read_bytes() if path.exists() else b""
    project.ok("flask", "db", "diagram")
    assert path.read_bytes() == before
    project.write_model("author", AUTHOR)
    test = ("pytest", "tests/test_migrations.py", "-k", "diagram")
    assert "uv run flask db diagram" in project.refused(*test)
    project.ok("flask", "db", "diagram")
    text = path.read_text(encoding="utf-8")
    assert "\n```mermaid\nerDiagram\n" in text
    assert "\n  author {\n    INTEGER id PK\n    VARCHAR(80) name UK\n  }\n" in text
    project.ok(*test)


@pytest.mark.databases("sqlite")
def test_without_its_tool_the_diagram_says_what_to_install(project: Project) -> None:
    hide = "import sys\nsys.modules['paracelsus'] = None\n"
    (project.path / "sitecustomize.py").write_text(hide)
    output = project.refused("flask", "db", "diagram", PYTHONPATH=str(project.path))
    assert "uv sync" in output
    project.ok("flask", "db", "current", PYTHONPATH=str(project.path))
