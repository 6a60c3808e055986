"""What is generated: which files, and that each is whole, formatted and free of leftovers."""

import ast
import configparser
import re
import tomllib
from html.parser import HTMLParser
from typing import Any

import pytest
import yaml

from .conftest import Bake
from .projects import SLUG, Project

ALL = pytest.mark.example(True, False)

COMMON = {
    ".editorconfig",
    ".env.example",
    ".github/dependabot.yml",
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
    "migrator/__init__.py",
    "migrator/autogenerate/__init__.py",
    "migrator/autogenerate/renames.py",
    "migrator/autogenerate/bound_names.py",
    "migrator/autogenerate/comparison.py",
    "migrator/autogenerate/files.py",
    "migrator/autogenerate/options.py",
    "migrator/autogenerate/order.py",
    "migrator/autogenerate/ownership.py",
    "migrator/autogenerate/progress.py",
    "migrator/autogenerate/stored.py",
    "migrator/backfill.py",
    "migrator/commands/__init__.py",
    "migrator/commands/adopt.py",
    "migrator/commands/diagram.py",
    "migrator/commands/doctor.py",
    "migrator/commands/main.py",
    "migrator/commands/rebase.py",
    "migrator/compatibility.py",
    "migrator/connections.py",
    "migrator/definitions.py",
    "migrator/dialect/__init__.py",
    "migrator/dialect/driver.py",
    "migrator/dialect/renaming.py",
    "migrator/dialect/engine.py",
    "migrator/dialect/implementation.py",
    "migrator/dialect/lock.py",
    "migrator/dialect/measuring.py",
    "migrator/dialect/registration.py",
    "migrator/dialect/server.py",
    "migrator/dialect/stored.py",
    "migrator/dialect/throwaway.py",
    "migrator/dialect/urls.py",
    "migrator/engine.py",
    "migrator/errors.py",
    "migrator/exclusion.py",
    "migrator/kept.py",
    "migrator/limits.py",
    "migrator/masking.py",
    "migrator/paths.py",
    "migrator/project.py",
    "migrator/proof/__init__.py",
    "migrator/proof/plan.py",
    "migrator/proof/recorder.py",
    "migrator/proof/review.py",
    "migrator/proof/rows.py",
    "migrator/proof/throwaway.py",
    "migrator/readiness.py",
    "migrator/rendering.py",
    "migrator/revisions/__init__.py",
    "migrator/revisions/base.py",
    "migrator/revisions/effects.py",
    "migrator/revisions/losses.py",
    "migrator/revisions/selecting.py",
    "migrator/revisions/finish.py",
    "migrator/revisions/head.py",
    "migrator/revisions/operations.py",
    "migrator/revisions/reading.py",
    "migrator/revisions/sql.py",
    "migrator/revisions/unsafe.py",
    "migrator/running/__init__.py",
    "migrator/running/convention.py",
    "migrator/running/advice.py",
    "migrator/running/guards.py",
    "migrator/running/options.py",
    "migrator/running/process.py",
    "migrator/status.py",
    "migrator/testing.py",
    "migrator/url.py",
    "migrator/wait.py",
    "pyproject.toml",
    "shop/__init__.py",
    "shop/app.py",
    "shop/commands.py",
    "shop/config.py",
    "shop/database/__init__.py",
    "shop/database/base.py",
    "shop/database/engine.py",
    "shop/database/migrations.py",
    "shop/database/url.py",
    "shop/extensions.py",
    "shop/logs.py",
    "shop/models/__init__.py",
    "shop/security.py",
    "shop/serving.py",
    "shop/settings.py",
    "shop/sources.py",
    "shop/static/icon.svg",
    "shop/static/style.css",
    "shop/templates/_database.html",
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
    "tests/test_health.py",
    "tests/test_migrations.py",
    "tests/test_views.py",
    "update_template.py",
    "wsgi.py",
}
OF_DATABASE = {
    "sqlite": {
        "migrator/dialect/rebuilding.py",
        "migrator/dialect/reflection.py",
    },
    "postgresql": {
        ".squawk.toml",
        "migrator/dialect/casting.py",
        "migrator/dialect/concurrently.py",
        "migrator/dialect/embedded.py",
        "migrator/dialect/enum_names.py",
        "migrator/dialect/enum_patch.py",
        "migrator/dialect/enum_types.py",
        "migrator/dialect/identities.py",
        "migrator/dialect/halfway.py",
        "migrator/dialect/reflection_patch.py",
        "migrator/dialect/refusal.py",
        "migrator/dialect/safe_forms.py",
        "migrator/dialect/unique_once.py",
    },
    "mysql": {
        "migrator/dialect/attempt.py",
        "migrator/dialect/lease.py",
        "migrator/dialect/reflection.py",
        "migrator/dialect/refusal.py",
    },
}
OF_CONTAINER = {
    ".dockerignore",
    "Dockerfile",
    "compose.yaml",
}
OF_KUBERNETES = OF_CONTAINER | {
    "kubernetes/README.md",
    "kubernetes/deployment.yaml",
    "kubernetes/kustomization.yaml",
    "kubernetes/network-policy.yaml",
    "kubernetes/service.yaml",
}
OF_KUBERNETES_AND_A_SERVER = {
    "kubernetes/disruption-budget.yaml",
    "kubernetes/migration/job.yaml",
    "kubernetes/migration/kustomization.yaml",
}
OF_DEPLOY = {"none": set[str](), "container": OF_CONTAINER, "kubernetes": OF_KUBERNETES}
OF_EXAMPLE = {
    "alembic/versions/20260101_000000_a1c0de000001_create_the_note_table.py",
    "docs/schema.md",
    "shop/models/note.py",
    "shop/templates/note_delete.html",
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
@pytest.mark.deploy("none", "container", "kubernetes")
def test_exactly_these_files_are_generated(generated: Project) -> None:
    expected = COMMON | OF_DATABASE[generated.database] | OF_DEPLOY[generated.deploy]
    if generated.strategy == "env-var":
        expected |= {"shop/variables.py"}
    if generated.deploy == "kubernetes":
        is_file = generated.database == "sqlite"
        expected |= {"kubernetes/volume.yaml"} if is_file else OF_KUBERNETES_AND_A_SERVER
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


# The user's own settings leave migrator/ out, so it is checked here, with these.
RUFF = ("--isolated", "--no-cache", "--line-length", "100")
RULES = (
    *("--extend-select", "B,I,PT,RET,SIM,UP"),
    *("--config", 'lint.isort.known-third-party=["alembic"]'),
)


@pytest.mark.alternating
def test_the_machinery_is_formatted_linted_and_typed(generated: Project) -> None:
    generated.ok("ruff", "format", *RUFF, "--check", "migrator")
    generated.ok("ruff", "check", *RUFF, *RULES, "migrator")
    # Of its own: other options make mypy read all libraries anew.
    cache = f"{generated.mypy_cache}-machinery"
    lenient = ("--ignore-missing-imports", "--config-file", "/dev/null")
    generated.ok("mypy", "--strict", *lenient, "--cache-dir", cache, "-p", "migrator")


@pytest.mark.alternating
@pytest.mark.parametrize("width", ["79", "88", "120"])
def test_a_users_own_line_length_changes_no_machinery(generated: Project, width: str) -> None:
    arguments = ("--no-cache", "--diff", "--line-length", width)
    output = generated.run("ruff", "format", *arguments, ".").stdout
    assert "--- " in output
    assert "--- migrator" not in output


def test_types_check_strictly(generated: Project) -> None:
    generated.ok("mypy")


@pytest.mark.databases("sqlite")
def test_a_long_slug_needs_no_reformatting(answers: dict[str, Any], bake: Bake) -> None:
    project = bake(**answers, project_slug="s" * 40, project_name="N" * 40)
    project.ok("ruff", "format", "--no-cache", "--check", ".")
    project.ok("ruff", "check", "--no-cache", ".")


@ALL
@pytest.mark.deploy("container", "kubernetes")
def test_nothing_of_the_generator_is_left(generated: Project) -> None:
    found = texts(generated, "*")
    # It renders the template.
    del found["update_template.py"]
    for path, text in found.items():
        assert "cookiecutter" not in text.replace("cookiecutter-flask-alembic", ""), path
        if not path.endswith((".html", ".mako", ".yml")):
            assert not re.search(r"\{\{|\{%|\{#", text), path


@ALL
@pytest.mark.deploy("none", "container", "kubernetes")
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
        for word in words.values():
            # This file locks a folder with Python's sqlite3, in every project.
            text = "" if path == "migrator/exclusion.py" else text
            assert word not in text.lower(), (path, word)


@pytest.mark.strategies("env-var")
def test_migrating_imports_no_flask(generated: Project) -> None:
    code = f"""
import sys
import migrator.commands.main, migrator.autogenerate.options, migrator.dialect.lock
import migrator.readiness
from {SLUG}.database.migrations import PROJECT
PROJECT.load_metadata()
print([name for name in sys.modules if name.partition(".")[0] in ("flask", "werkzeug", "jinja2")])
"""
    # Fresh: the fork server has imported Flask.
    assert generated.fresh().python(code).strip() == "[]"


@pytest.mark.strategies("env-var")
def test_what_compares_nothing_imports_no_models(project: Project) -> None:
    code = f"""
import sys
from alembic.config import main
for words in ("stamp r1", "downgrade -1", "stamp base", "upgrade head --sql", "upgrade head"):
    main(words.split())
main(["current"])
found = {{"sqlalchemy.orm", "{SLUG}.models", "{SLUG}.database.base", "migrator.autogenerate"}}
print(sorted(found & {{*sys.modules}}))
main(["check"])
assert found <= {{*sys.modules}}
"""
    project.write_revision("r1", "pass", down_revision="a1c0de000001")
    # Fresh: the fork server has imported the ORM.
    assert "\n[]\n" in project.fresh().python(code)
