"""Refuses answers that cannot make a working project, before anything is written."""

import json
import keyword
import re
import sys


def problems(answers: dict[str, object]) -> list[str]:
    """Return one line for each thing that is wrong with `answers`, none when all is well."""
    slug = str(answers["project_slug"])
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,39}", slug) or keyword.iskeyword(slug):
        return [
            f"project_slug is {slug!r}: it names a Python package, so it needs 2 to 40 lower-case"
            " letters, digits and _, must start with a letter and be no word of Python's own."
        ]
    return []


def main() -> None:
    """Print the problems and exit 1 if there are any."""
    found = problems(json.loads(r"""{{ cookiecutter | tojson }}"""))
    for line in found:
        print(line, file=sys.stderr)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
