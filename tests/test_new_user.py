"""A new user: an empty folder, an empty home, and the commands of the READMEs alone."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .projects import REPOSITORY, Project, clean_environment
from .test_first_steps import AUTHOR, fetch, served


def commands(readme: Path, heading: str) -> list[str]:
    """Return the lines of the code blocks below `heading`, up to the next one like it."""
    section = readme.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine with Python, pip, git and uv, and an empty home."""
    programs, home = tmp_path / "bin", tmp_path / "home"
    programs.mkdir()
    home.mkdir()
    for program in ("uv", "uvx"):
        found = shutil.which(program, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        assert found is not None
        (programs / program).symlink_to(found)
    (programs / "python3").symlink_to(Path(sys.executable).resolve())
    return clean_environment(HOME=str(home), PATH=f"{programs}:/usr/bin:/bin")


def shell(line: str, folder: Path, environment: dict[str, str]) -> str:
    """Run a line of a README in `folder` and return what it printed; it has to succeed."""
    end = subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert end.returncode == 0, f"{line}\n{end.stdout}{end.stderr}"
    assert "Traceback" not in end.stderr
    return end.stdout


@pytest.mark.databases("sqlite")
# The next test is the other strategy's; the commands are the same.
@pytest.mark.strategies("flask-config")
def test_the_generated_readme_is_enough(
    answers: dict[str, object], machine: dict[str, str], tmp_path: Path
) -> None:
    questions = [f"{name}={value}" for name, value in answers.items()]
    line = f"uvx cookiecutter {REPOSITORY} --no-input {' '.join(questions)}"
    shell(line, tmp_path, machine | {"UV_CONSTRAINT": str(REPOSITORY / "constraints.txt")})
    folder = tmp_path / "my_flask_app"
    upgrade, serve = commands(folder / "README.md", "Start")[:2]
    shell(upgrade, folder, machine)
    assert (folder / "uv.lock").exists()

    project = Project(folder, dict(answers) | {"project_slug": "my_flask_app"}, tmp_path / "bin")
    project.environment = machine
    with served(project, *serve.split(), "--port", "{port}") as address:
        assert "It works." in fetch(address)[1]
        assert fetch(f"{address}/notes/")[0] == 200

    project.write_model("author", AUTHOR)
    for command in (
        'uv run alembic revision --autogenerate -m "add authors"',
        "uv run alembic upgrade head",
        "uv run alembic check",
        "uv run flask db current",
        "uv run flask db diagram",
        "uv run pytest",
        "uv run ruff format && uv run ruff check --fix && uv run mypy",
    ):
        assert command in (folder / "README.md").read_text(encoding="utf-8") or "db" in command
        shell(command, folder, machine)
    assert len(project.revisions()) == 2


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_pip_alone_is_enough(project: Project, machine: dict[str, str], tmp_path: Path) -> None:
    for program in ("uv", "uvx"):
        (tmp_path / "bin" / program).unlink()
    lines = commands(project.path / "README.md", "Start")
    assert [line.split()[0] for line in lines] == ["uv", "uv", "python3", "pip", "pip"]
    script = "\n".join(["set -e", *lines[2:], lines[0].removeprefix("uv run "), "pytest"])
    assert " passed" in shell(script, project.path, machine)
    assert (project.path / "instance" / "development.sqlite3").exists()


def test_ci_runs_the_test_line_of_the_readme() -> None:
    [line] = commands(REPOSITORY / "README.md", "Working on the template")
    assert line in (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8").splitlines()
