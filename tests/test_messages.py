"""What commands print: what they do, each error once, one line on Ctrl-C."""

import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from .projects import REPOSITORY, SLUG, Project, clean_environment
from .repositories import Git
from .test_one_at_a_time import TABLE, chain, pause, paused
from .test_status import HEAD


@pytest.mark.alternating
def test_commands_say_what_they_do_and_no_more(project: Project) -> None:
    running = "INFO  [alembic.runtime.migration] Running"
    end = project.run("alembic", "upgrade", "head")
    assert end.stderr == f"{running} upgrade  -> {HEAD}, create the note table\n"
    assert project.run("alembic", "upgrade", "head").stderr == ""
    end = project.run("alembic", "check")
    assert (end.stdout, end.stderr) == ("No new upgrade operations detected.\n", "")
    end = project.run("alembic", "downgrade", "base")
    assert end.stderr == f"{running} downgrade {HEAD} -> , create the note table\n"


@pytest.mark.databases("sqlite")
def test_many_tables_are_compared_with_a_line_now_and_then(project: Project) -> None:
    tables = "\n".join(f'Table("t{i}", Base.metadata, Column("id", Integer))' for i in range(401))
    imports = "from sqlalchemy import Column, Integer, Table\n\nfrom ..database import Base"
    (project.package / "models" / "many.py").write_text(f"{imports}\n\n{tables}\n")
    project.ok("alembic", "upgrade", "head")
    end = project.run("alembic", "check")
    lines = [line for line in end.stderr.splitlines() if "Compared" in line]
    assert [line.partition("] ")[2] for line in lines] == [
        "Compared 200 of 402 tables",
        "Compared 400 of 402 tables",
    ]


@pytest.mark.databases("sqlite")
def test_an_error_is_printed_once(project: Project) -> None:
    for command in (("alembic",), ("flask", "db")):
        for words in (("upgrade", "nosuch"), ("check",), ("downgrade", "base")):
            variables = {"ENVIRONMENT": "prod"} if words[0] == "downgrade" else {}
            lines = project.refused(*command, *words, **variables).splitlines()
            assert sum(line.startswith(("FAILED", "ERROR", "Error")) for line in lines) == 1, lines
        output = project.refused(*command, "current", ENVIRONMENT="nosuch")
        assert output.count("ENVIRONMENT is 'nosuch'") == 1, output


@pytest.mark.alternating
def test_ctrl_c_is_one_line_and_leaves_a_true_version(project: Project) -> None:
    chain(project, TABLE.format("t1"), pause(project) + "\n" + TABLE.format("t2"))
    # What a shell runs in the background ignores the signal, and so do its children.
    heeding = ("env", "--default-signal=INT")
    with paused(project, *heeding, "alembic", "upgrade", "head") as process:
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=60)[0]
    assert process.returncode not in (0, None)
    lines = [line for line in output.splitlines() if "Running upgrade" not in line]
    assert lines[0].endswith("Stopped by Ctrl-C; run the command again to continue.")
    assert "Traceback" not in output
    assert len(lines) == (1 if project.database != "mysql" else 2), output
    (project.path / "go").touch()
    project.ok("alembic", "upgrade", "head")
    assert project.version() == ["r2"]


@pytest.mark.alternating
def test_a_waiter_says_that_it_waits(project: Project) -> None:
    chain(project, pause(project))
    with paused(project, "alembic", "upgrade", "head") as first:
        waiter = project.start("alembic", "upgrade", "head")
        assert waiter.stdout is not None
        assert "Waiting for another migration" in waiter.stdout.readline()
        (project.path / "go").touch()
        assert first.wait(60) == 0
        waiter.communicate(timeout=60)
    assert waiter.returncode == 0


def test_the_next_commands_are_those_of_the_database(
    answers: dict[str, Any], tmp_path: Path
) -> None:
    words = [f"{name}={value}" for name, value in answers.items()]
    program = Path(sys.executable).parent / "cookiecutter"
    folder = tmp_path / "some where"
    end = subprocess.run(
        [program, str(REPOSITORY), "--no-input", "-o", folder, f"project_slug={SLUG}", *words],
        env=clean_environment(HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        check=True,
    )
    steps = [line.partition("#")[0].strip() for line in end.stderr.splitlines()]
    assert steps[:2] == [f"cd '{folder / SLUG}'", "git init"]
    assert steps[-2:] == ["uv run alembic upgrade head", "uv run flask run"]
    project = Project(folder / SLUG, answers | {"project_slug": SLUG}, tmp_path)
    in_between = "\n".join(end.stderr.splitlines()[2:-2])
    if project.database == "sqlite":
        assert in_between == ""
        return
    assert project.url_variable() in in_between
    assert project.url_variable() in (project.path / ".env.example").read_text()
    embedded = "uv run python -m migrator.dialect.embedded"
    assert (embedded in in_between) == (project.database == "postgresql")


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_a_folder_that_alembic_cannot_work_in_is_refused(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "100% ours"
    program = Path(sys.executable).parent / "cookiecutter"
    end = subprocess.run(
        [program, str(REPOSITORY), "--no-input", "-o", folder, f"project_slug={SLUG}"],
        env=clean_environment(HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    reason = f"Alembic cannot work in {folder / SLUG}, whose path has a %"
    assert end.returncode != 0
    assert end.stderr.startswith(f"{reason}; choose another folder.\n")
    assert not (folder / SLUG).exists()
    # A project may be moved there.
    project.path.rename(folder / SLUG)
    moved = replace(project, path=folder / SLUG)
    assert moved.refused("flask", "db", "current") == f"Error: {reason}; rename the folder.\n"


def test_modules_refuse_unknown_arguments_and_have_a_help(project: Project) -> None:
    modules = ["migrator.revisions.head", "migrator.revisions.sql", "migrator.wait"]
    modules.append("migrator.compatibility")
    if project.database == "postgresql":
        modules.append("migrator.dialect.embedded")
    for module in modules:
        assert project.ok("python", "-m", module, "--help").startswith(f"usage: python -m {module}")
        assert "error: " in project.refused("python", "-m", module, "--no-such-option")
    assert not (project.path / "instance" / "postgresql").exists()


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_the_sql_of_a_branch_that_is_not_there_is_refused(project: Project) -> None:
    Git(project.path).commit("the project")
    output = project.refused("python", "-m", "migrator.revisions.sql", "nosuchbranch")
    assert output == "Error: git knows no commit 'nosuchbranch'; try origin/main.\n"
    # What GitHub says is before the first push of a branch.
    assert "CREATE TABLE note" in project.ok("python", "-m", "migrator.revisions.sql", "0" * 40)


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_an_unknown_command_names_the_nearest(project: Project) -> None:
    assert "Did you mean upgrade?" in project.refused("flask", "db", "uprgade")
    listed = project.ok("flask", "db")
    assert {"upgrade", "doctor", "wait"} <= set(re.findall(r"[a-z]+", listed))


@pytest.mark.databases("postgresql", "mysql")
def test_a_url_that_is_not_set_is_asked_for_with_the_next_command(project: Project) -> None:
    project.url = ""
    output = project.refused("alembic", "upgrade", "head")
    assert f"{project.url_variable()} is not set" in output
    assert "Copy .env.example to .env" in output
    embedded = "uv run python -m migrator.dialect.embedded"
    assert (embedded in " ".join(output.split())) == (project.database == "postgresql")


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_a_full_disk_is_called_full(project: Project) -> None:
    fill = 'op.execute("INSERT INTO note (text) VALUES (hex(zeroblob(3000000)))")'
    limit = "op.execute('PRAGMA max_page_count = 20')\n"
    project.write_revision("r1", limit + fill, down_revision=HEAD)
    output = " ".join(project.refused("alembic", "upgrade", "head").split())
    assert "cannot grow: database or disk is full" in output
