"""docs/moving-in.md, followed step by step on a project that Flask-Migrate made."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from .guides import BLOCK, Reader
from .projects import DATABASES, REPOSITORY, Project
from .repositories import Git
from .servers import new_database
from .test_status import examine, set_version

# The newest revision, as the guide calls it.
HEAD = "98761d1d3979"
GUIDE = (REPOSITORY / "docs" / "moving-in.md").read_text(encoding="utf-8")
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}


def section(heading: str) -> str:
    """The text below a heading of the guide."""
    [_, text] = GUIDE.split(f"\n## {heading}\n")
    return text.partition("\n## ")[0]


@pytest.fixture(scope="module", params=DATABASES)
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, project_bin: Path
) -> Iterator[tuple[Project, str]]:
    """A project that Flask-Migrate made, with a history and rows, and its newest revision."""
    folder = tmp_path_factory.mktemp("old")
    path = folder / "blog"
    path.mkdir()
    with new_database(request.param, folder) as url:
        blog = Project(path, {"database": request.param, "url_strategy": ""}, project_bin, url)
        _, rest = url.split("://")
        blog.environment["BLOG_DATABASE"] = f"{DRIVERS[request.param]}://{rest}"
        make = REPOSITORY / "tests" / "old_project" / "make.py"
        blog.ok("python", str(make), str(path), FLASK_APP="app")
        [head] = blog.version()
        yield blog, head


@pytest.fixture
def blog(made: tuple[Project, str], tmp_path: Path) -> Iterator[Project]:
    """A copy of that project, with its database."""
    original, _ = made
    path = tmp_path / "blog"
    shutil.copytree(original.path, path)
    with new_database(original.database, tmp_path) as url:
        copy_database(original.database, original.url, url)
        blog = Project(path, original.answers | {"project_slug": "shop"}, original.bin, url)
        _, rest = url.split("://")
        blog.environment["BLOG_DATABASE"] = f"{DRIVERS[original.database]}://{rest}"
        blog.answers["url_strategy"] = "flask-config"
        if blog.database == "mysql":
            # The tests of a project on PostgreSQL start a server.
            blog.environment["TEST_DATABASE_URL"] = url
        yield blog


def copy_database(kind: str, source: str, target: str) -> None:
    """Copy tables and rows into an empty database."""
    if kind == "sqlite":
        shutil.copy(source.removeprefix("sqlite:///"), target.removeprefix("sqlite:///"))
        return
    commands = {
        "postgresql": (["pg_dump", source], ["psql", "-qX", "-v", "ON_ERROR_STOP=1", target]),
        "mysql": (
            ["mariadb-dump", "-h", "127.0.0.1", "-u", "root", source.rpartition("/")[2]],
            ["mariadb", "-h", "127.0.0.1", "-u", "root", target.rpartition("/")[2]],
        ),
    }
    dump, load = commands[kind]
    sql = subprocess.run(dump, check=True, capture_output=True).stdout
    subprocess.run(load, input=sql, check=True, capture_output=True)


@pytest.fixture
def reader(made: tuple[Project, str], blog: Project) -> Reader:
    """Somebody in the folder that has the old project in it."""
    reader = Reader(replace(blog, path=blog.path.parent))
    reader.names[HEAD] = made[1]
    return reader


def rows(project: Project) -> list[Any]:
    """What stands in the old project's tables."""
    user = {"mysql": "`user`"}.get(project.database, '"user"')
    posts = project.sql("SELECT title, user_id, votes FROM post ORDER BY id")
    return [*project.sql(f"SELECT email, role FROM {user}"), *posts]


EXPECTED = [("a@example.com", "reader"), ("Post 0", 1, 0), ("Post 1", 1, 0), ("Post 2", 1, 0)]


def test_from_flask_migrate(reader: Reader, blog: Project) -> None:
    assert len(list((blog.path / "migrations" / "versions").glob("*.py"))) >= 10
    guide = section("From Flask-Migrate")
    before, after = guide.split("7. Decide about the names.")
    reader.follow(before)
    shop = reader.project
    assert "is up to date, at" in reader.type("uv run flask db adopt")
    found = examine(shop, "drifted")
    assert "in nothing but the names" in found["sentence"]
    recycle = "from shop.app import create_app; from shop.extensions import db\n"
    recycle += "with create_app().app_context(): print(db.engine.pool._recycle)"
    assert shop.python(recycle).split() == ["280"]
    # The other way: keep the names.
    base = shop.package / "database" / "base.py"
    text = base.read_text(encoding="utf-8")
    base.write_text(re.sub(r"naming_convention=\{.*\}", "", text, flags=re.DOTALL))
    assert examine(shop, "up to date")["drift"] == []
    base.write_text(text)
    reader.follow(after)
    assert examine(shop, "up to date")["drift"] == []
    assert rows(shop) == EXPECTED
    # From nothing, the history makes the same.
    with new_database(shop.database, shop.path.parent / "blog") as url:
        fresh = replace(shop, url=url)
        fresh.ok("flask", "db", "upgrade")
        fresh.ok("flask", "db", "check")


def test_from_plain_alembic(reader: Reader, blog: Project) -> None:
    blog.ok("alembic", "init", "alembic")
    for path in (blog.path / "migrations" / "versions").glob("*.py"):
        shutil.move(path, blog.path / "alembic" / "versions" / path.name)
    blog.sql("ALTER TABLE alembic_version RENAME TO blog_version")
    reader.follow(section("From plain Alembic"))
    shop = reader.project
    assert reader.names[HEAD] in reader.type("uv run alembic current")
    assert "in nothing but the names" in examine(shop, "drifted")["sentence"]
    reader.follow(section("From Flask-Migrate").split("7. Decide about the names.")[1])
    assert examine(shop, "up to date")["drift"] == []
    assert rows(shop) == EXPECTED


def test_keep_the_layout(reader: Reader, blog: Project) -> None:
    reader.project = replace(blog, environment=blog.environment | {"FLASK_APP": "app"})
    guide = section("Keep your layout")
    first, rest = guide.split("3. In `create_app`, replace")
    reader.follow(first)
    app = blog.path / "app.py"
    text = app.read_text(encoding="utf-8")
    text = re.sub(r"migrate\.init_app\(.*\)", "app.cli.add_command(flask_db)", text)
    app.write_text(text.replace("import db, migrate", "import db\nfrom wiring import flask_db"))
    (blog.path / "extensions.py").write_text(
        "from flask_sqlalchemy import SQLAlchemy\n\ndb = SQLAlchemy()\n"
    )
    reader.follow(rest)
    found = examine(reader.project, "up to date")
    assert found["drift"] == []
    assert found["current"] == [reader.names[HEAD]]
    for command in ("flask db check", "alembic check", "flask db upgrade", "flask db history"):
        reader.project.ok(*command.split())
    models = blog.path / "models.py"
    models.write_text(
        models.read_text().replace("about = ", "age = db.Column(db.Integer)\n    about = ")
    )
    reader.project.ok("flask", "db", "migrate", "-m", "add ages")
    reader.project.ok("flask", "db", "upgrade")
    reader.project.ok("alembic", "check")
    assert rows(blog) == EXPECTED


def test_databases_that_nobody_migrated_and_squashes(reader: Reader, blog: Project) -> None:
    before, _ = section("From Flask-Migrate").split("6. Set the URL")
    reader.follow(before)
    shop = reader.project
    base = shop.package / "database" / "base.py"
    text = base.read_text(encoding="utf-8")
    base.write_text(re.sub(r"naming_convention=\{.*\}", "", text, flags=re.DOTALL))

    shop.sql("DROP TABLE alembic_version")
    examine(shop, "unstamped")
    reader.follow(section("Databases that nobody migrated"))
    assert shop.version() == [reader.names[HEAD]]

    # The squash: a commit that puts the first nine revisions into one.
    git = Git(shop.path)
    git.commit("moved in")
    revisions = [
        line.split()[2 if "->" in line else 0].rstrip(",")
        for line in shop.ok("alembic", "history").splitlines()[::-1]
    ]
    assert revisions[-1] == reader.names[HEAD]
    for path in shop.revisions():
        if path.name.partition("_")[0] in revisions[:-1]:
            path.unlink()
    [last] = shop.revisions()
    last.write_text(last.read_text().replace(revisions[-2], "5d0c1f2a"))
    guide = section("A history that was squashed")
    declaration, commands = guide.split("A database at the last of them")
    [block] = BLOCK.finditer(declaration)
    tuple_of_all = repr(tuple(revisions[:-1]))
    squash = re.sub(r"replaces = .*", f"replaces = {tuple_of_all}", block[3])
    nothing = "\n\ndef upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n"
    (shop.path / "alembic" / "versions" / "squash.py").write_text(squash + nothing)
    git.commit("squash")

    complete, halfway = commands.split("A database in the middle of them")
    set_version(shop, revisions[-2])
    assert "flask db adopt" in examine(shop, "squashed")["next"]
    reader.follow(complete)
    assert shop.version() == ["5d0c1f2a"]
    set_version(shop, revisions[-3])
    # What the ninth revision adds is missing, as in a database at the eighth.
    shop.sql("ALTER TABLE post DROP COLUMN votes")
    assert "in the middle" in examine(shop, "squashed")["sentence"]
    reader.follow(halfway.replace("alembic upgrade head", f"alembic upgrade {revisions[-2]}"))
    assert shop.version() == ["5d0c1f2a"]
    assert rows(shop) == EXPECTED
