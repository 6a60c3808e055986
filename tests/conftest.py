"""Projects for the tests, generated once per answers, in one environment for all of them."""

import compileall
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from cookiecutter.main import cookiecutter

from .forking import ForkServer
from .projects import DATABASES, REPOSITORY, SLUG, STRATEGIES, Project, clean_environment, install
from .servers import feed, new_database

Bake = Callable[..., Project]


def pytest_configure(config: pytest.Config) -> None:
    """Install what generated projects need, once, before the workers start."""
    if hasattr(config, "workerinput"):
        return
    folder = Path(str(config.cache.mkdir("projects")))
    pyprojects = []
    for database in DATABASES:
        shutil.rmtree(folder / database, ignore_errors=True)
        answers = {"project_slug": SLUG, "database": database}
        path = cookiecutter(
            str(REPOSITORY),
            no_input=True,
            extra_context=answers,
            output_dir=str(folder / database),
            default_config=True,
        )
        pyprojects.append(Path(path) / "pyproject.toml")
    # What projects that move in come from, and what the recipes add.
    install(folder / "environment", pyprojects, "flask-migrate", "dynaconf")


def pytest_xdist_auto_num_workers() -> int:
    """Return one worker more than there are cores: now and then a test waits for a lock."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def project_bin(pytestconfig: pytest.Config) -> Path:
    """The folder of the programs that generated projects run with."""
    return Path(str(pytestconfig.cache.mkdir("projects"))) / "environment" / "bin"


@pytest.fixture(scope="session", autouse=True)
def fork_server(project_bin: Path) -> Iterator[None]:
    """Run one fork server for the commands of all projects; none under FRESH_PROCESSES=1."""
    if os.environ.get("FRESH_PROCESSES") == "1":
        yield
        return
    server = ForkServer(project_bin, clean_environment())
    Project.fork_server = server
    yield
    Project.fork_server = None
    server.close()


@pytest.fixture(scope="session")
def bake(cookies_session: Any, project_bin: Path) -> Bake:
    """Generates a project with the given answers; the same answers give the same folder."""
    done: dict[str, Project] = {}

    def bake(**answers: Any) -> Project:
        answers = {"project_slug": SLUG, "database": "sqlite", "example": True} | answers
        answers.setdefault("url_strategy", "flask-config")
        answers.setdefault("deploy", "container")
        key = repr(sorted(answers.items()))
        if key not in done:
            result = cookies_session.bake(extra_context=answers, template=str(REPOSITORY))
            assert result.exception is None, result.exception
            done[key] = Project(result.project_path, answers, project_bin)
        return done[key]

    return bake


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes `answers` for each combination that its marks allow."""
    if "answers" not in metafunc.fixturenames:
        return

    def allowed(mark: str, default: tuple[Any, ...]) -> tuple[Any, ...]:
        found = metafunc.definition.get_closest_marker(mark)
        return found.args if found else default

    combinations = product(
        allowed("strategies", STRATEGIES),
        allowed("databases", DATABASES),
        allowed("example", (True,)),
        allowed("deploy", ("container",)),
    )
    metafunc.parametrize(
        "answers",
        [
            pytest.param(
                {
                    "url_strategy": strategy,
                    "database": database,
                    "example": example,
                    "deploy": deploy,
                },
                id=f"{strategy}-{database}"
                + ("" if example else "-no_example")
                + ("" if deploy == "container" else f"-{deploy}"),
            )
            for strategy, database, example, deploy in combinations
        ],
    )


@pytest.fixture
def generated(answers: dict[str, Any], bake: Bake) -> Project:
    """A project that tests only read, shared among them."""
    project = bake(**answers)
    # Each copy would otherwise be compiled anew.
    compileall.compile_dir(project.path, quiet=2)
    return project


@pytest.fixture
def bake_at(project_bin: Path, tmp_path: Path) -> Callable[[str, dict[str, Any], str], Project]:
    """Generates a project as an earlier commit of this repository did."""

    def bake_at(commit: str, answers: dict[str, Any], url: str) -> Project:
        template = tmp_path / "template"
        clone = ["git", "clone", "--quiet", "--no-checkout", str(REPOSITORY), str(template)]
        subprocess.run(clone, check=True)
        subprocess.run(["git", "checkout", "--quiet", commit], cwd=template, check=True)
        path = cookiecutter(
            str(template),
            no_input=True,
            extra_context=answers,
            output_dir=str(tmp_path / "old"),
            default_config=True,
        )
        return Project(Path(path), answers, project_bin, url)

    return bake_at


@pytest.fixture
def project(generated: Project, tmp_path: Path) -> Iterator[Project]:
    """A project of the test's own, on an empty database of its own."""
    path = tmp_path / SLUG
    shutil.copytree(generated.path, path)
    with new_database(generated.database, tmp_path) as url:
        yield Project(path, generated.answers, generated.bin, url)


@pytest.fixture(scope="session")
def migration_sql() -> dict[str, str]:
    """What the migrations of projects print as SQL, by their answers."""
    return {}


@pytest.fixture
def at_head(project: Project, migration_sql: dict[str, str]) -> None:
    """Bring the project's database to head by the migrations' SQL: quicker than the command."""
    key = repr(sorted(project.answers.items()))
    if key not in migration_sql:
        migration_sql[key] = project.ok("alembic", "upgrade", "head", "--sql")
    feed(project.database, project.url, migration_sql[key])
