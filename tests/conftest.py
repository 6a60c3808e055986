"""Projects for the tests, generated once per answers, in one environment for all of them."""

import compileall
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from cookiecutter.main import cookiecutter

from .forking import OF_CRUFT, ForkServer
from .projects import (
    DATABASES,
    REPOSITORY,
    SLUG,
    STRATEGIES,
    Project,
    clean_environment,
    install,
    one_at_a_time,
)
from .repositories import Git
from .servers import feed, new_database

Bake = Callable[..., Project]
# The strategy with each database of tests that are marked `alternating`.
ALTERNATING = {"sqlite": "flask-config", "postgresql": "env-var", "mysql": "flask-config"}


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
def fork_server(project_bin: Path, worker_id: str) -> Iterator[None]:
    """Run a fork server for projects' commands, and one for cruft; none under FRESH_PROCESSES=1."""
    if os.environ.get("FRESH_PROCESSES") == "1":
        yield
        return
    is_first = worker_id in ("master", "gw0")
    Project.fork_server = ForkServer(project_bin, clean_environment(), first_is_fresh=is_first)
    Git.fork_server = ForkServer(Path(sys.executable).parent, clean_environment(), OF_CRUFT)
    yield
    Project.fork_server.close()
    Git.fork_server.close()
    Project.fork_server = Git.fork_server = None


@pytest.fixture(scope="session")
def bake(
    cookies_session: Any,
    project_bin: Path,
    tmp_path_factory: pytest.TempPathFactory,
    worker_id: str,
) -> Bake:
    """Generates a project with the given answers; the same answers give the same folder.

    The first worker that asks generates it. Each worker has a copy of its own.
    """
    done: dict[str, Project] = {}
    folder = tmp_path_factory.getbasetemp()
    shared = (folder if worker_id == "master" else folder.parent) / "generated"
    shared.mkdir(exist_ok=True)

    def bake(**answers: Any) -> Project:
        answers = {"project_slug": SLUG, "database": "sqlite", "example": True} | answers
        answers.setdefault("url_strategy", "flask-config")
        answers.setdefault("deploy", "container")
        key = repr(sorted(answers.items()))
        if key not in done:
            pattern = shared / sha256(key.encode()).hexdigest() / str(answers["project_slug"])
            with one_at_a_time(pattern.parent):
                if not pattern.exists():
                    result = cookies_session.bake(extra_context=answers, template=str(REPOSITORY))
                    assert result.exception is None, result.exception
                    shutil.move(result.project_path, pattern)
            path = tmp_path_factory.mktemp("generated") / pattern.name
            done[key] = Project(shutil.copytree(pattern, path), answers, project_bin)
        return done[key]

    return bake


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes `answers` for each combination that its marks allow."""
    if "answers" not in metafunc.fixturenames:
        return

    def allowed(mark: str, default: tuple[Any, ...]) -> tuple[Any, ...]:
        found = metafunc.definition.get_closest_marker(mark)
        return found.args if found else default

    alternates = metafunc.definition.get_closest_marker("alternating") is not None
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
            if not alternates or strategy == ALTERNATING[database]
        ],
    )


@pytest.fixture
def generated(answers: dict[str, Any], bake: Bake) -> Project:
    """A project that tests only read, shared among them."""
    return bake(**answers)


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


@cache
def compile_once(folder: Path) -> None:
    """Compile a project: each copy would otherwise be compiled anew."""
    compileall.compile_dir(folder, quiet=2)


@pytest.fixture
def project(generated: Project, tmp_path: Path) -> Iterator[Project]:
    """A project of the test's own, on an empty database of its own."""
    compile_once(generated.path)
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
