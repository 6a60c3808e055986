"""docs/recipes/: each page is applied to a new project exactly as it is printed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from .guides import Reader
from .projects import REPOSITORY, Project
from .servers import new_database
from .test_status import examine, readyz

RECIPES = REPOSITORY / "docs" / "recipes"


@pytest.mark.usefixtures("at_head")
def test_a_second_database(project: Project, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    with new_database(project.database, tmp_path / "second") as url:
        project.environment["REPORTS_DATABASE_URL"] = url
        if project.database == "mysql":
            project.environment["TEST_DATABASE_URL"] = project.url
        reports = replace(
            project,
            url=url,
            environment=project.environment | {project.url_variable(): project.url},
        )
        before, commands = (
            (RECIPES / "second-database.md").read_text(encoding="utf-8").split("8. Set")
        )
        reader = Reader(project)
        reader.follow(before)
        # What a fresh process finds, with the steps one by one.
        assert readyz(project) == (200, {"status": "up to date"})
        reader.follow(commands)
        assert reports.tables() == {"alembic_version", "report"}
        assert "report" not in project.tables()
        project.ok("alembic", "check")
        project.ok("ruff", "check", ".")
        project.ok("mypy")

        def doctor(*options: str) -> dict[str, object]:
            found: dict[str, object] = json.loads(
                project.run("flask", "db", *options, "doctor", "--json").stdout
            )
            return found

        assert doctor("-n", "reports")["state"] == "up to date"
        assert readyz(project) == (200, {"status": "up to date"})
        # Each has its own state, and its own next command.
        project.ok("alembic", "-n", "reports", "downgrade", "base")
        assert doctor()["state"] == "up to date"
        assert doctor("-n", "reports")["next"] == "alembic -n reports upgrade head"
        assert readyz(project) == (503, {"status": "reports: empty"})
        assert "Next: alembic -n reports upgrade head" in project.refused(
            "alembic", "-n", "reports", "check"
        )
        plan = ("flask", "db", "-n", "reports", "plan")
        assert "CREATE TABLE report" in project.ok(*plan, TEST_DATABASE_URL=project.url)
        project.ok("flask", "db", "-n", "reports", "upgrade")
        inserted = project.python(
            "from shop.app import create_app; from shop.extensions import db;"
            "from shop.reports import Report\n"
            "with create_app().app_context():\n"
            "    db.session.add(Report(title='x')); db.session.commit()\n"
            "    print(db.session.query(Report).count())"
        )
        assert inserted.split() == ["1"]
        assert reports.sql("SELECT title FROM report") == [("x",)]


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("flask-config")
def test_dynaconf_decides_what_is_migrated(project: Project) -> None:
    url, project.url = project.url, ""
    Reader(project).follow((RECIPES / "dynaconf.md").read_text(encoding="utf-8"))
    from_settings = project.path / "instance" / "from-settings.sqlite3"
    assert from_settings.exists()
    assert examine(project, "up to date")["url"].endswith("/from-settings.sqlite3")
    # Each source wins over the ones before it, and the app reads the same ones.
    secrets = project.path / ".secrets.toml"
    secrets.write_text(
        f'[development]\nSQLALCHEMY_DATABASE_URI = "{url}"\n[staging]\n'
        f'SQLALCHEMY_DATABASE_URI = "{url}.staging"\n'
    )
    assert examine(project, "empty")["url"].endswith(url.rpartition("/")[2])
    staging = examine(project, "empty", ENVIRONMENT="staging")
    assert staging["url"].endswith(".staging")
    variable = {"DYNACONF_SQLALCHEMY_DATABASE_URI": f"{url}.variable"}
    assert examine(project, "empty", **variable)["url"].endswith(".variable")
    flask = variable | {"FLASK_SQLALCHEMY_DATABASE_URI": f"{url}.flask"}
    assert examine(project, "empty", **flask)["url"].endswith(".flask")
    app = "from shop.app import create_app; c = create_app().config;"
    printed = project.python(
        f"{app} print(c['SQLALCHEMY_DATABASE_URI'].database, c['READY_WHEN_AHEAD'])", **variable
    )
    assert printed.split() == [f"{url.removeprefix('sqlite:///')}.variable", "False"]
    project.ok("alembic", "upgrade", "head", **variable)
    assert Path(f"{url.removeprefix('sqlite:///')}.variable").exists()
