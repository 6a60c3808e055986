"""Where the benchmarks' projects are made: this template's, and those of the peers."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from cookiecutter.main import cookiecutter

from tests.projects import DATABASES, REPOSITORY, SLUG, Project, install
from tests.servers import execute, new_database

PEERS = REPOSITORY / "benchmarks" / "peers"
ENVIRONMENT = REPOSITORY / ".benchmarks" / "environment"
# Beside the dependencies of generated projects: what a user would pick instead.
PEER_PACKAGES = (
    "advanced-alchemy",
    "flask-alembic",
    "flask-migrate",
    "gevent",
    "granian",
    "waitress",
)
EXAMPLE_REVISION = "20260101_000000_a1c0de000001_create_the_note_table.py"


class Workshop:
    """A temporary folder with projects, and databases for them, all gone at the end."""

    def __init__(self, folder: Path, stack: ExitStack, rounds: int) -> None:
        """Start empty.

        Args:
            folder: where projects go.
            stack: closes the databases at the end.
            rounds: how often each side is to be run.
        """
        self.folder = folder
        self.bin = ENVIRONMENT / "bin"
        self.rounds = rounds
        self._stack = stack
        self._count = 0

    def new_folder(self) -> Path:
        """Return a folder that is there and empty."""
        self._count += 1
        folder = self.folder / str(self._count)
        folder.mkdir()
        return folder

    def database(self, kind: str) -> str:
        """Return the URL of an empty database of `kind`."""
        return self._stack.enter_context(new_database(kind, self.new_folder()))

    def ours(
        self,
        database: str = "sqlite",
        url_strategy: str = "env-var",
        example: bool = True,
        commit: str | None = None,
    ) -> Project:
        """Return a project of this template, on an empty database of its own.

        Args:
            database: an answer, as are `url_strategy` and `example`.
            url_strategy: where the URL comes from.
            example: whether there are a model and a revision.
            commit: of this repository; None for the files as they are.
        """
        answers = {
            "project_slug": SLUG,
            "database": database,
            "url_strategy": url_strategy,
            "example": example,
        }
        template = REPOSITORY
        if commit is not None:
            template = self.new_folder()
            archive = subprocess.run(
                ["git", "archive", commit], cwd=REPOSITORY, check=True, capture_output=True
            )
            subprocess.run(["tar", "-x"], cwd=template, check=True, input=archive.stdout)
        path = cookiecutter(
            str(template),
            no_input=True,
            extra_context=answers,
            output_dir=str(self.new_folder()),
            default_config=True,
        )
        return Project(Path(path), answers, self.bin, self.database(database))

    def alembic(self, database: str = "sqlite") -> Project:
        """Return a project of Alembic's generic template, with the example's model."""
        project = self._peer(database)
        project.ok("alembic", "init", "alembic")
        _replace(
            project.path / "alembic" / "env.py",
            "target_metadata = None",
            "from models import Base\n\ntarget_metadata = Base.metadata",
        )
        _replace(
            project.path / "alembic.ini",
            "driver://user:pass@localhost/dbname",
            project.environment["DATABASE_URL"],
        )
        return self._with_example_revision(project, "alembic/versions")

    def flask_migrate(self, database: str = "sqlite") -> Project:
        """Return a project with Flask-Migrate and the example's model."""
        project = self._peer(database, "flask_migrate")
        project.ok("flask", "db", "init")
        return self._with_example_revision(project, "migrations/versions")

    def flask_alembic(self, database: str = "sqlite") -> Project:
        """Return a project with Flask-Alembic and the example's model."""
        project = self._peer(database, "flask_alembic")
        project.ok("flask", "db", "mkdir")
        return self._with_example_revision(project, "migrations")

    def advanced_alchemy(self, database: str = "sqlite") -> Project:
        """Return a project with advanced-alchemy and the example's model."""
        project = self._peer(database, "advanced_alchemy")
        project.ok("flask", "database", "init", "--no-prompt", "migrations")
        return self._with_example_revision(project, "migrations/versions")

    def add_models(self, peer: Project, models: str) -> None:
        """Give a peer's project a module of models beside the example's."""
        (peer.path / "things.py").write_text(models, encoding="utf-8")
        with (peer.path / "models.py").open("a", encoding="utf-8") as file:
            file.write("\n\nimport things  # noqa: E402, F401\n")

    def copy(self, project: Project) -> Project:
        """Return `project` in a second folder, on the same database."""
        path = self.new_folder() / project.path.name
        shutil.copytree(project.path, path)
        return replace(project, path=path)

    def _peer(self, database: str, name: str | None = None) -> Project:
        """Return a folder with the files of a peer's app, and with the plain model."""
        folder = self.new_folder() / "app"
        if name is None:
            folder.mkdir()
        else:
            shutil.copytree(PEERS / name, folder)
        shutil.copy(PEERS / "models.py", folder)
        driver = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
        url = self.database(database).replace(database, driver.get(database, database), 1)
        return Project(folder, {}, self.bin, environment={"DATABASE_URL": url})

    def _with_example_revision(self, project: Project, versions: str) -> Project:
        template = REPOSITORY / "{{cookiecutter.project_slug}}" / ".choices" / "example" / "true"
        shutil.copy(template / "alembic" / "versions" / EXAMPLE_REVISION, project.path / versions)
        return project


@contextmanager
def opened(rounds: int) -> Iterator[Workshop]:
    """Make the environment of all projects, and yield a workshop that uses it."""
    with TemporaryDirectory() as name, ExitStack() as stack:
        workshop = Workshop(Path(name), stack, rounds)
        pyprojects = [workshop.ours(database).path / "pyproject.toml" for database in DATABASES]
        install(ENVIRONMENT, pyprojects, *PEER_PACKAGES)
        yield workshop


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, (path, old)
    path.write_text(text.replace(old, new), encoding="utf-8")


def empty(url: str) -> None:
    """Leave nothing in a database that a workshop has made."""
    kind, _, rest = url.partition(":")
    if kind == "sqlite":
        Path(rest.removeprefix("///")).unlink(missing_ok=True)
        return
    name = rest.rpartition("/")[2]
    kind = kind.partition("+")[0]
    execute(kind, f"DROP DATABASE {name}" + " WITH (FORCE)" * (kind == "postgresql"))
    execute(kind, f"CREATE DATABASE {name}")
