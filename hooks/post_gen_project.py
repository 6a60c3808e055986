"""Lays the files of each chosen answer over the project: .choices/<answer>/<value>/."""

import shutil
import sys
from pathlib import Path

CHOICES = Path(".choices")
CHOSEN = (
    "database/{{ cookiecutter.database }}",
    "url_strategy/{{ cookiecutter.url_strategy }}",
    "example/{{ cookiecutter.example|lower }}",
)


def main() -> None:
    """Move the chosen trees, remove `.choices/`, and say what to type next."""
    for choice in CHOSEN:
        # A value that adds no file has no folder.
        if (CHOICES / choice).is_dir():
            shutil.copytree(CHOICES / choice, ".", dirs_exist_ok=True)
    shutil.rmtree(CHOICES)
    print(
        "cd {{ cookiecutter.project_slug }}",
        "uv run alembic upgrade head",
        "uv run flask run",
        sep="\n",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
