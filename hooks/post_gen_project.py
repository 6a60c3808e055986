"""Lays the files of each chosen answer over the project: .choices/<answer>/<value>/."""

import json
import shutil
import sys
from pathlib import Path

CHOICES = Path(".choices")


def main() -> None:
    """Copy the chosen trees, remove `.choices/`, and say what to type next."""
    answers = json.loads(r"""{{ cookiecutter | tojson }}""")
    for choice in sorted(CHOICES.iterdir()):
        value = answers[choice.name]
        overlay = choice / (value if isinstance(value, str) else json.dumps(value))
        if overlay.is_dir():
            shutil.copytree(overlay, ".", dirs_exist_ok=True)
    shutil.rmtree(CHOICES)
    print(
        f"cd {answers['project_slug']}",
        "uv run alembic upgrade head",
        "uv run flask run",
        sep="\n",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
