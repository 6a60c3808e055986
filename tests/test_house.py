"""This repository's own code: linted, formatted and typed, as pyproject.toml says."""

import subprocess
import sys
from pathlib import Path

import pytest

from .projects import REPOSITORY


@pytest.mark.parametrize("command", ["ruff check", "ruff format --check", "mypy"])
def test_the_repositorys_code_is_in_order(command: str, pytestconfig: pytest.Config) -> None:
    program, *arguments = command.split()
    cache = Path(str(pytestconfig.cache.mkdir("house"))) / program
    end = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments, "--cache-dir", cache],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert end.returncode == 0, end.stdout + end.stderr
