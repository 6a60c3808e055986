"""Lays the files of each chosen answer over the project: .choices/<answer>/<value>/."""

# Nothing but os and sys: each further import takes longer than all that is done here.
import os
import sys

CHOICES = ".choices"
CHOSEN = (
    "database/{{ cookiecutter.database }}",
    "url_strategy/{{ cookiecutter.url_strategy }}",
    "example/{{ cookiecutter.example|lower }}",
)


def move(source: str, destination: str) -> None:
    """Move every file below the folder `source` to the same place below `destination`."""
    for folder, _, names in os.walk(source):
        target = os.path.join(destination, os.path.relpath(folder, source))
        os.makedirs(target, exist_ok=True)
        for name in names:
            os.replace(os.path.join(folder, name), os.path.join(target, name))


def remove(tree: str) -> None:
    """Remove the folder `tree` and all that is in it."""
    for folder, _, names in os.walk(tree, topdown=False):
        for name in names:
            os.remove(os.path.join(folder, name))
        os.rmdir(folder)


def main() -> None:
    """Move the chosen trees, remove `.choices/`, and say what to type next."""
    for choice in CHOSEN:
        move(os.path.join(CHOICES, choice), ".")
    remove(CHOICES)
    print(
        "cd {{ cookiecutter.project_slug }}",
        "uv run alembic upgrade head",
        "uv run flask run",
        sep="\n",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
