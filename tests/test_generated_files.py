"""What is generated: which files, and that each is whole, formatted and free of leftovers."""

import ast
import configparser
import re
import tomllib
from html.parser import HTMLParser

import pytest
import yaml

from .projects import SLUG, Project

ALL = pytest.mark.example(True, False)

COMMON = {
    ".editorconfig",
    ".env.example",
    ".github/workflows/ci.yml",
    ".github/workflows/template-update.yml",
    ".gitignore",
    ".pre-commit-config.yaml",
    "README.md",
    "alembic.ini",
    "alembic/HEAD",
    "alembic/env.py",
    "alembic/script.py.mako",
    "alembic/versions/.gitkeep",
    "gunicorn.conf.py",
    "pyproject.toml",
    "shop/__init__.py",
    "shop/app.py",
    "shop/commands.py",
    "shop/config.py",
    "shop/database/__init__.py",
    "shop/database/adoption.py",
    "shop/database/advice.py",
    "shop/database/backfill.py",
    "shop/database/base.py",
    "shop/database/circular.py",
    "shop/database/command_line.py",
    "shop/database/comparison.py",
    "shop/database/diagram.py",
    "shop/database/dialect.py",
    "shop/database/dialect_options.py",
    "shop/database/doctor.py",
    "shop/database/drop_order.py",
    "shop/database/engine.py",
    "shop/database/escaping.py",
    "shop/database/guards.py",
    "shop/database/implementation.py",
    "shop/database/limits.py",
    "shop/database/lock.py",
    "shop/database/options.py",
    "shop/database/ownership.py",
    "shop/database/parsing.py",
    "shop/database/readiness.py",
    "shop/database/server.py",
    "shop/database/status.py",
    "shop/database/url.py",
    "shop/extensions.py",
    "shop/models/__init__.py",
    "shop/revisions/__init__.py",
    "shop/revisions/finish.py",
    "shop/revisions/head.py",
    "shop/revisions/rebase.py",
    "shop/revisions/sql.py",
    "shop/revisions/unsafe.py",
    "shop/settings.py",
    "shop/static/style.css",
    "shop/templates/base.html",
    "shop/templates/error.html",
    "shop/templates/index.html",
    "shop/views/__init__.py",
    "shop/views/errors.py",
    "shop/views/health.py",
    "shop/views/home.py",
    "tests/__init__.py",
    "tests/conftest.py",
    "tests/databases.py",
    "tests/test_database_url.py",
    "tests/test_dialect.py",
    "tests/test_health.py",
    "tests/test_migrations.py",
    "tests/test_views.py",
    "update_template.py",
    "wsgi.py",
}
OF_DATABASE = {
    "sqlite": {"shop/database/rebuilding.py"},
    "postgresql": {
        ".squawk.toml",
        "shop/database/concurrently.py",
        "shop/database/embedded.py",
        "shop/database/enum_names.py",
        "shop/database/enum_types.py",
        "shop/database/stored_default.py",
    },
    "mysql": {"shop/database/probe.py"},
}
OF_EXAMPLE = {
    "alembic/versions/20260101_000000_a1c0de000001_create_the_note_table.py",
    "docs/schema.md",
    "shop/models/note.py",
    "shop/templates/notes.html",
    "shop/views/notes.py",
    "tests/test_notes.py",
}


def texts(project: Project, *patterns: str) -> dict[str, str]:
    """Return the text of every file that matches one of `patterns`, by its path."""
    paths = [path for pattern in patterns for path in project.path.rglob(pattern)]
    return {
        str(path.relative_to(project.path)): path.read_text(encoding="utf-8")
        for path in paths
        if path.is_file() and path.parent.name != "__pycache__"
    }


@ALL
def test_exactly_these_files_are_generated(generated: Project) -> None:
    expected = COMMON | OF_DATABASE[generated.database]
    if generated.answers["example"]:
        expected |= OF_EXAMPLE
    assert set(texts(generated, "*")) == expected


@ALL
def test_every_file_parses(generated: Project) -> None:
    for path, text in texts(generated, "*.py").items():
        ast.parse(text, path)
    for text in texts(generated, "*.toml").values():
        tomllib.loads(text)
    for text in texts(generated, "*.ini").values():
        configparser.ConfigParser().read_string(text)
    for text in texts(generated, "*.yml", "*.yaml").values():
        yaml.safe_load(text)
    for text in texts(generated, "*.html").values():
        HTMLParser().feed(text)


@ALL
def test_the_linter_and_the_formatter_find_nothing(generated: Project) -> None:
    generated.ok("ruff", "check", "--no-cache", ".")
    generated.ok("ruff", "format", "--no-cache", "--check", ".")


def test_types_check_strictly(generated: Project, worker_id: str) -> None:
    # A cache for each worker: most of the time goes into the same libraries.
    generated.ok("mypy", "--cache-dir", str(generated.bin.parent / f"mypy-{worker_id}"))


@pytest.mark.databases("sqlite")
def test_a_long_slug_needs_no_reformatting(answers: dict[str, object], bake) -> None:  # type: ignore[no-untyped-def]
    project = bake(**answers, project_slug="s" * 40, project_name="N" * 40)
    project.ok("ruff", "format", "--no-cache", "--check", ".")
    project.ok("ruff", "check", "--no-cache", ".")


@ALL
def test_nothing_of_the_generator_is_left(generated: Project) -> None:
    found = texts(generated, "*")
    # It renders the template.
    del found["update_template.py"]
    for path, text in found.items():
        assert "cookiecutter" not in text.replace("cookiecutter-flask-alembic", ""), path
        if not path.endswith((".html", ".mako", ".yml")):
            assert not re.search(r"\{\{|\{%|\{#", text), path


@ALL
def test_there_is_no_scar_of_a_left_out_line(generated: Project) -> None:
    for path, text in texts(generated, "*").items():
        if not text:
            continue
        assert text.endswith("\n"), path
        assert not text.endswith("\n\n"), path
        if not path.endswith((".py", ".mako")):
            prose = re.sub(r"```.*?```", "code", text, flags=re.DOTALL)
            assert "\n\n\n" not in prose, path
        assert not re.search(r"[ \t]\n", text), path


@ALL
def test_env_py_is_short(generated: Project) -> None:
    lines = (generated.path / "alembic" / "env.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) < 80


def test_only_the_chosen_database_is_named(generated: Project) -> None:
    words = {"sqlite": "sqlite", "postgresql": "psycopg", "mysql": "pymysql"}
    del words[generated.database]
    for path, text in texts(generated, "*.py", "*.toml", ".env.example").items():
        if path == "tests/test_dialect.py":
            continue  # refuses the URLs of the others
        for word in words.values():
            assert word not in text.lower(), (path, word)


@pytest.mark.strategies("env-var")
def test_migrating_imports_no_flask(generated: Project) -> None:
    code = f"""
import sys
import {SLUG}.database.url, {SLUG}.database.engine, {SLUG}.database.lock
import {SLUG}.database.command_line, {SLUG}.database.options, {SLUG}.database.readiness
from {SLUG}.models import import_all_models
import_all_models()
print([name for name in sys.modules if name.partition(".")[0] in ("flask", "werkzeug", "jinja2")])
"""
    assert generated.python(code).strip() == "[]"
