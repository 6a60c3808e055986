"""Lays the files of each chosen answer over the project: .choices/<answer>/<value>/."""

import shlex
import shutil
import sys
from pathlib import Path

CHOICES = Path(".choices")
# A value that contains another is laid after it.
DEPLOY = {
    "none": (),
    "container": ("deploy/container",),
    "kubernetes": ("deploy/container", "deploy/kubernetes"),
}
CHOSEN = (
    # First: their trees bring more of the trees that follow, in a `.choices/` inside them.
    *DEPLOY["{{ cookiecutter.deploy }}"],
    "database/{{ cookiecutter.database }}",
    "url_strategy/{{ cookiecutter.url_strategy }}",
    "example/{{ cookiecutter.example|lower }}",
)
URL_VARIABLE = {"flask-config": "FLASK_SQLALCHEMY_DATABASE_URI", "env-var": "DATABASE_URL_DEV"}


def next_steps() -> list[str]:
    """Return the commands from here to the first page, for this database and URL strategy."""
    variable = URL_VARIABLE["{{ cookiecutter.url_strategy }}"]
    needs_url = {
        "sqlite": [],
        "postgresql": [
            f"cp .env.example .env    # then set {variable} in it",
            "uv run python -m migrator.dialect.embedded    # no server? this starts one: its URL",
        ],
        "mysql": [f"cp .env.example .env    # then set {variable} in it"],
    }
    return [
        f"cd {shlex.quote(str(Path.cwd()))}",
        "git init",
        *needs_url["{{ cookiecutter.database }}"],
        "uv run alembic upgrade head",
        "uv run flask run",
    ]


def main() -> None:
    """Move the chosen trees, remove `.choices/`, and say what to type next."""
    for choice in CHOSEN:
        # A value that adds no file has no folder.
        if (CHOICES / choice).is_dir():
            shutil.copytree(CHOICES / choice, ".", dirs_exist_ok=True)
    shutil.rmtree(CHOICES)
    print(*next_steps(), sep="\n", file=sys.stderr)


if __name__ == "__main__":
    main()
