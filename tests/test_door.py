"""The door between the app and the migrator: contexts, other tables, apps of other layouts."""

import filecmp
import graphlib
import shutil
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import grimp
import pytest

from .conftest import Bake
from .projects import DATABASES, EXAMPLES, STRATEGIES, Project
from .servers import new_database
from .test_one_at_a_time import TABLE, chain, pause, wait_until
from .test_status import HEAD, examine, readyz

HANDED_OVER = """
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from migrator.url import parse_url

config = Config("alembic.ini")
with sa.create_engine(parse_url({url!r}, "the test")).connect() as connection:
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
"""
USES_APP = "from flask import current_app\nassert current_app.config['READY_WHEN_AHEAD'] is True"
NO_CONTEXT = "needs Flask's application context (current_app)"


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("flask-config")
@pytest.mark.parametrize("command", ["alembic", "flask", "program"])
def test_revisions_and_models_run_in_the_apps_context(project: Project, command: str) -> None:
    project.write_revision("r1", USES_APP, down_revision=HEAD)
    model = project.write_model("limits", f"{USES_APP}\n")
    assert model.exists()
    if command == "program":
        url, project.url = project.url, "nonsense"
        project.python(HANDED_OVER.format(url=url))
        project.url = url
    else:
        project.ok(*{"alembic": ["alembic"], "flask": ["flask", "db"]}[command], "upgrade", "head")
    assert project.version() == ["r1"]


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_where_migrations_import_no_flask_the_error_says_so(project: Project) -> None:
    project.write_revision("r1", USES_APP, down_revision=HEAD)
    for command in (("alembic",), ("flask", "db")):
        output = project.refused(*command, "upgrade", "head")
        assert NO_CONTEXT in " ".join(output.split())
    program = project.run("python", "-c", HANDED_OVER.format(url=project.url))
    assert NO_CONTEXT in program.stderr.splitlines()[-1]
    assert project.tables() <= {"alembic_version"}
    project.revisions()[-1].unlink()
    project.write_model("limits", f"{USES_APP}\n")
    for command in (("alembic",), ("flask", "db")):
        assert NO_CONTEXT in " ".join(project.refused(*command, "check").split())


@pytest.mark.databases("postgresql", "mysql")
def test_the_version_table_can_have_another_name_and_schema(project: Project) -> None:
    options = '    version_table="shop_version",\n'
    schema = ""
    if project.database == "postgresql":
        project.sql("CREATE SCHEMA meta")
        options += '    version_table_schema="meta",\n'
        schema = "meta."
    wiring = project.package / "database" / "migrations.py"
    text = wiring.read_text()
    assert text.count("PROJECT = Project(\n") == 1
    wiring.write_text(text.replace("PROJECT = Project(\n", f"PROJECT = Project(\n{options}"))
    project.ok("alembic", "upgrade", "head")
    assert project.sql(f"SELECT version_num FROM {schema}shop_version") == [(HEAD,)]
    assert "alembic_version" not in project.tables()
    assert examine(project, "up to date")["current"] == [HEAD]
    assert readyz(project) == (200, {"status": "up to date"})
    project.write_revision("r1", "pass", down_revision=HEAD)
    examine(project, "behind")
    assert readyz(project) == (503, {"status": "behind"})
    project.ok("flask", "db", "upgrade")
    project.ok("alembic", "check")


FOREIGN_APP = '''"""A Flask-SQLAlchemy app as people write them."""

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config.from_prefixed_env()
db = SQLAlchemy(app)


class Author(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(80))
'''
WIRING = '''"""What the migrator is told about blog.py."""

from blog import app, db
from migrator.project import Project


def engine():
    with app.app_context():
        return db.engine


PROJECT = Project(
    package="blog",
    load_metadata=lambda: db.metadata,
    context=lambda connection: app.app_context(),
    engine=engine,
    owner_url=lambda: None,
    url_source=lambda: "FLASK_SQLALCHEMY_DATABASE_URI",
    environment=lambda: "development",
)
'''


@pytest.mark.strategies("flask-config")
def test_an_app_of_another_layout_moves_in(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "blog"
    folder.mkdir()
    for name in ("alembic", "migrator"):
        shutil.copytree(project.path / name, folder / name)
    shutil.rmtree(folder / "alembic" / "versions")
    (folder / "alembic" / "versions").mkdir()
    ini = (project.path / "alembic.ini").read_text()
    (folder / "alembic.ini").write_text(
        ini.replace("shop.database.migrations:PROJECT", "migrations:PROJECT")
    )
    (folder / "blog.py").write_text(FOREIGN_APP)
    (folder / "migrations.py").write_text(WIRING)
    drivers = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
    scheme, rest = project.url.split("://")
    blog = Project(folder, project.answers, project.bin, project.url)
    blog.environment["FLASK_SQLALCHEMY_DATABASE_URI"] = f"{drivers.get(scheme, scheme)}://{rest}"
    assert blog.autogenerate("create authors")
    blog.ok("alembic", "upgrade", "head")
    assert blog.tables() == {"alembic_version", "author"}
    blog.ok("alembic", "check")
    doctor = "from migrator.commands.main import main; main(['doctor'])"
    assert "The database is up to date" in blog.ok("python", "-c", doctor)
    model = (folder / "blog.py").read_text()
    (folder / "blog.py").write_text(model + "    born = db.Column(db.Integer)\n")
    assert "1 operation away" in blog.refused("python", "-c", doctor)
    assert blog.autogenerate("add born")
    blog.ok("alembic", "upgrade", "head")
    blog.ok("alembic", "check")
    blog.ok("alembic", "downgrade", "base")
    assert blog.tables() == {"alembic_version"}


def test_the_machinery_is_the_same_in_every_project(bake: Bake) -> None:
    folders = [
        bake(database=database, url_strategy=strategy, example=example).migrator
        for database in DATABASES
        for strategy in STRATEGIES
        for example in EXAMPLES
    ]
    for one, other in combinations(folders, 2):
        same_database = one.parent.parent.name and _dialect(one) == _dialect(other)
        but = [] if same_database else ["dialect"]
        assert _differences(filecmp.dircmp(one, other, ignore=["__pycache__", *but])) == []


def _dialect(migrator: Path) -> str:
    return (migrator / "dialect" / "__init__.py").read_text()


def _differences(pair: Any) -> list[str]:
    different = [*pair.left_only, *pair.right_only, *pair.diff_files, *pair.funny_files]
    return different + [name for below in pair.subdirs.values() for name in _differences(below)]


CONTRACTS = """
[importlinter]
root_packages =
    shop
    migrator
include_external_packages = True

[importlinter:contract:1]
name = The migrator knows neither the app nor its framework
type = forbidden
source_modules = migrator
forbidden_modules =
    shop
    flask
    flask_sqlalchemy

[importlinter:contract:2]
name = The floors of the migrator
type = layers
containers = migrator
layers =
    commands
    proof
    running : autogenerate : readiness : backfill : wait : connections : compatibility : kept
    engine : status : url
    dialect
    revisions : limits : masking : rendering : exclusion
    project
    paths : errors

[importlinter:contract:3]
name = The app meets the migrator at few doors
type = forbidden
source_modules = shop
forbidden_modules =
    migrator.autogenerate
    migrator.backfill
    migrator.commands
    migrator.compatibility
    migrator.dialect
    migrator.engine
    migrator.kept
    migrator.limits
    migrator.masking
    migrator.paths
    migrator.proof
    migrator.rendering
    migrator.revisions
    migrator.running
    migrator.status
    migrator.wait
allow_indirect_imports = True
unmatched_ignore_imports_alerting = none
ignore_imports =
    shop.commands -> migrator.commands.main
    shop.commands -> migrator.commands

[importlinter:contract:4]
name = Every new revision pays for what these import
type = forbidden
source_modules =
    migrator.revisions.head
forbidden_modules =
    sqlalchemy
    alembic
"""


def test_imports_go_one_way(generated: Project) -> None:
    (generated.path / ".importlinter").write_text(CONTRACTS)
    try:
        linter = Path(sys.executable).parent / "lint-imports"
        end = subprocess.run(
            [linter, "--no-cache"],
            cwd=generated.path,
            env=generated.variables(),
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        (generated.path / ".importlinter").unlink()
    assert end.returncode == 0, end.stdout


def test_no_file_imports_itself_through_others(
    generated: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(generated.path)
    graph = grimp.build_graph("shop", "migrator", cache_dir=None)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    # Raises, with the circle, where there is one.
    graphlib.TopologicalSorter(imports).prepare()


OLD_LAYOUT = "7aa9e79"


@pytest.mark.strategies("env-var")
def test_the_old_layout_and_the_new_one_exclude_each_other(
    project: Project, bake_at: Any, tmp_path: Path
) -> None:
    old = bake_at(OLD_LAYOUT, project.answers, project.url)
    chain(project, pause(project) + "\n" + TABLE.format("t1"))
    for path in project.revisions():
        shutil.copy(path, old.path / "alembic" / "versions" / path.name)
    for first, second in ((project, old), (old, project)):
        (project.path / "go").unlink(missing_ok=True)
        (project.path / "here").unlink(missing_ok=True)
        with new_database(project.database, tmp_path) as url:
            first.url = second.url = url
            process = first.start("alembic", "upgrade", "head")
            try:
                wait_until(lambda: (project.path / "here").exists())
                refused = second.refused("alembic", "upgrade", "head", MIGRATION_WAIT="1")
                assert "MIGRATION_WAIT" in refused
                (project.path / "go").touch()
                assert process.wait(60) == 0
                second.ok("alembic", "upgrade", "head")
            finally:
                process.kill()
                process.communicate()
            (Path(url.removeprefix("sqlite:///"))).unlink(missing_ok=True)
