"""`flask db` takes what Flask-Migrate takes: options, defaults, exit codes."""

import pytest

from .projects import Project
from .test_status import HEAD, examine

pytestmark = [pytest.mark.databases("sqlite"), pytest.mark.strategies("env-var")]


def test_options_stand_where_flask_migrate_takes_them(project: Project) -> None:
    env = project.path / "alembic" / "env.py"
    text = env.read_text(encoding="utf-8")
    env.write_text(f"{text}\nprint('x is', context.get_x_argument())\n", encoding="utf-8")
    assert "x is ['a=1', 'b=2']" in project.ok(
        "flask", "db", "upgrade", "-x", "a=1", "--x-arg", "b=2"
    )
    assert "x is ['a=1']" in project.ok("flask", "db", "-x", "a=1", "current")
    project.ok("flask", "db", "upgrade", "-d", "alembic")
    refusal = project.refused("flask", "db", "upgrade", "-d", "migrations")
    assert "-d migrations is not where this project has its revisions" in refusal
    assert len(refusal.splitlines()) == 1


@pytest.mark.usefixtures("at_head")
def test_a_revision_need_not_be_given(project: Project) -> None:
    assert HEAD in project.ok("flask", "db", "show")
    sql = project.ok("flask", "db", "downgrade", "--sql")
    assert "DROP TABLE note" in sql
    project.ok("flask", "db", "downgrade")
    assert project.version() == []
    project.sql("DROP TABLE IF EXISTS note")
    project.ok("flask", "db", "stamp")
    assert project.version() == [HEAD]
    assert "nothing to merge" in project.refused("flask", "db", "merge")
    for name in ("r1", "r2"):
        project.write_revision(name, "pass", down_revision=HEAD)
    project.ok("flask", "db", "merge", "-m", "both")
    assert examine(project, "behind")["pending"][-1] not in ("r1", "r2")
    # Opens the current revision, and not another one.
    shown = project.ok("flask", "db", "edit", EDITOR="echo")
    assert HEAD in shown
    project.ok("flask", "db", "upgrade", "--tag", "x")
    assert len(project.version()) == 1


@pytest.mark.parametrize("command", ["init", "init --multidb", "init migrations", "list-templates"])
def test_what_sets_up_a_project_says_that_it_is_set_up(project: Project, command: str) -> None:
    refusal = project.refused("flask", "db", *command.split())
    assert refusal.startswith("Error: This project is already set up: ")
    assert len(refusal.splitlines()) == 1
    assert not (project.path / "migrations").exists()


def test_exit_codes_and_messages(project: Project) -> None:
    end = project.run("flask", "db", "upgrade", "nope")
    assert end.returncode == 1
    assert end.stderr.count("Can't locate revision identified by 'nope'") == 1
    end = project.run("flask", "db", "upgrad")
    assert end.returncode == 2
    assert end.stderr == "Error: flask db has no command upgrad. Did you mean upgrade?\n"
    end = project.run("flask", "db", "xyzzy")
    assert (end.returncode, end.stderr) == (
        2,
        "Error: flask db has no command xyzzy. flask db --help lists them.\n",
    )
    assert "upgrade" in project.ok("flask", "db")
