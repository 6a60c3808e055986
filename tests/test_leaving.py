"""Somebody who follows "How to leave" in docs/architecture.md, and goes on with plain Alembic."""

import re
import shutil
from pathlib import Path
from textwrap import dedent

from .projects import REPOSITORY, SLUG, Project

HEALTH = '''"""Whether the process serves."""

from flask import Blueprint

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    """Answer as long as the process does."""
    return {"status": "ok"}


def status_for_developers() -> None:
    """Return nothing: plain Alembic knows no status."""
'''
KEPT = ("__init__", "errors", "paths", "url", "dialect/__init__", "dialect/urls")
IMPORTS = """import os

from alembic import command
from alembic.config import Config
from migrator.url import parse_url
from sqlalchemy import URL, NullPool, create_engine
"""


def cut(path: Path, *patterns: str) -> None:
    """Delete what matches from a file; each pattern has to."""
    text = path.read_text()
    for pattern in patterns:
        text, count = re.subn(pattern, "", text, flags=re.MULTILINE | re.DOTALL)
        assert count, (path, pattern)
    path.write_text(text)


def leave(project: Project) -> None:
    """Do what the page says."""
    page = (REPOSITORY / "docs" / "architecture.md").read_text().partition("## How to leave")[2]
    env, fixture = (
        dedent(text) for text in re.findall(r"   ```python\n(.*?)   ```", page, re.DOTALL)
    )
    options = '"literal_binds": offline}'
    more = {
        "sqlite": (options, options[:-1] + ', "render_as_batch": True}'),
        "postgresql": (
            "from alembic import",
            "import alembic_postgresql_enum\nfrom alembic import",
        ),
        "mysql": ("", ""),
    }
    root, package = project.path, project.package
    (root / "alembic" / "env.py").write_text(env.replace(*more[project.database], 1))
    cut(root / "alembic.ini", r"^\[migrator\].*?(?=^\[)", r"^\[post_write_hooks\].*?(?=^\[)")
    cut(root / "alembic" / "script.py.mako", r"\A(.*?\n){3}")
    for path in project.migrator.rglob("*.py"):
        if str(path.relative_to(project.migrator).with_suffix("")) not in KEPT:
            path.unlink()
    (package / "database" / "migrations.py").unlink()
    (package / "commands.py").unlink()
    (root / "alembic" / "HEAD").unlink()
    for name in ("migrations", "database_url", "health"):
        (root / "tests" / f"test_{name}.py").unlink()
    conftest = root / "tests" / "conftest.py"
    text = conftest.read_text().replace('pytest_plugins = ["migrator.testing"]\n', fixture)
    conftest.write_text(text.replace("from sqlalchemy import URL\n", IMPORTS))
    (package / "views" / "health.py").write_text(HEALTH)
    cut(
        package / "views" / "errors.py",
        r"^def database_error.*?(?=^def init_app)",
        r"^    app.register_error_handler\((Operational|Programming)Error[^\n]*\n",
        r"^from migrator[^\n]*\n",
        r": Status \| None(?= = None)",
    )
    status = r"^def test_the_landing_page_says_how_the_database_is.*?(?=^def |^@)"
    cut(root / "tests" / "test_views.py", status)
    create = f"from {SLUG}.app import create_app\n\napp = create_app()\n"
    (root / "wsgi.py").write_text(create)
    shutil.rmtree(root / ".github")


def test_what_is_left_is_plain_alembic(project: Project) -> None:
    project.ok("alembic", "upgrade", "head")
    leave(project)
    # Forked commands would find the machinery that their parent has imported.
    project = project.fresh()
    project.ok("alembic", "current", "--check-heads")
    project.ok("alembic", "check")
    model = project.package / "models" / "note.py"
    model.write_text(model.read_text() + "    more: Mapped[int | None]\n")
    path = project.autogenerate("more")
    assert path is not None
    assert "more" in path.read_text()
    assert "ADD COLUMN" in project.ok("alembic", "upgrade", "head", "--sql")
    project.ok("alembic", "upgrade", "head")
    project.ok("alembic", "check")
    project.ok("alembic", "downgrade", "base")
    project.ok("pytest", TEST_DATABASE_URL=project.url)
