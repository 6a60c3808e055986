"""A generated project, and how its commands are run."""

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from importlib.util import cache_from_source
from pathlib import Path
from tempfile import gettempdir
from typing import Any, ClassVar
from urllib.parse import urlsplit

import psycopg
import pymysql
from cookiecutter.main import cookiecutter

from .forking import ForkServer

REPOSITORY = Path(__file__).parent.parent
STRATEGIES = ("flask-config", "env-var")
DATABASES = ("sqlite", "postgresql", "mysql")
EXAMPLES = (True, False)
# With what the tests' projects are called, so that a template file's output is easily told.
SLUG = "shop"
# Where the pytest of a project has its folders. pytest closes its root to other users each time it
# starts; run as root, the embedded PostgreSQL of a project below that root is another user.
INNER = Path(gettempdir()) / "pytest-of-projects"

FINDINGS = """
from alembic.config import Config
from migrator.paths import INI
from migrator.proof import review, throwaway
from sqlalchemy import NullPool, create_engine

with throwaway.server() as base, throwaway.empty_database(base) as url:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        for line in review.findings(Config(INI), connection):
            print(line)
"""


def clean_environment(**variables: str) -> dict[str, str]:
    """Return an environment with nothing of the developer's in it but what programs need."""
    kept = ("LANG", "PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR", "REQUESTS_CA_BUNDLE")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    INNER.mkdir(exist_ok=True)
    return found | {"PYTEST_DEBUG_TEMPROOT": str(INNER)} | variables


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Make a folder that workers share, and let the others wait."""
    folder.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@dataclass
class Project:
    """A generated project in a folder of its own, with the environment its commands get."""

    path: Path
    answers: dict[str, Any]
    bin: Path
    url: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    always_fresh: bool = False

    # Set for the time of a test session, unless FRESH_PROCESSES=1.
    fork_server: ClassVar[ForkServer | None] = None

    def fresh(self) -> "Project":
        """The same project; each of its commands is a fresh process, none is forked.

        For tests of what a forked process does not see: see `fork_server.py`.
        """
        return replace(self, always_fresh=True)

    @property
    def database(self) -> str:
        """The answer `database`."""
        return str(self.answers["database"])

    @property
    def strategy(self) -> str:
        """The answer `url_strategy`."""
        return str(self.answers["url_strategy"])

    @property
    def deploy(self) -> str:
        """The answer `deploy`."""
        return str(self.answers["deploy"])

    @property
    def package(self) -> Path:
        """The folder of the Python package."""
        return self.path / str(self.answers["project_slug"])

    @property
    def migrator(self) -> Path:
        """The folder of the machinery."""
        return self.path / "migrator"

    @property
    def mypy_cache(self) -> Path:
        """The cache of mypy for all projects: most of its time goes into the same libraries."""
        return self.bin.parent / "mypy"

    def url_variable(self, environment: str = "development") -> str:
        """The variable that names the database of `environment`."""
        if self.strategy == "flask-config":
            return "FLASK_SQLALCHEMY_DATABASE_URI"
        return {
            "local": "DATABASE_URL_LOCAL",
            "development": "DATABASE_URL_DEV",
            "staging": "DATABASE_URL_STAGING",
            "production": "DATABASE_URL_PROD",
        }[environment]

    def variables(self, **variables: str) -> dict[str, str]:
        """The environment of a command: the project's own, with `variables` over it."""
        own = {
            "HOME": str(self.path.parent),
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "MYPY_CACHE_DIR": str(self.mypy_cache),
        }
        url = {self.url_variable(): self.url} if self.url else {}
        return clean_environment(**own | url | self.environment | variables)

    def run(
        self, *command: str, cwd: str | Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `command` in the project's root and return its end, whatever its exit code.

        A command of Python may be forked from the fork server; that takes a fifth of the time.
        """
        cwd, environment = Path(cwd or self.path), self.variables(**variables)
        server = None if self.always_fresh else self.fork_server
        if server is not None and server.takes(command, self.database, environment):
            return server.run(command, cwd, environment, timeout=120)
        uses_mypy = any("mypy" in word for word in command)
        with one_at_a_time(self.mypy_cache) if uses_mypy else nullcontext():
            return subprocess.run(
                command,
                cwd=cwd,
                env=environment,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )

    def ok(self, *command: str, **variables: str) -> str:
        """Run `command`, which has to succeed, and return what it printed on stdout."""
        end = self.run(*command, **variables)
        assert end.returncode == 0, f"{command} exited {end.returncode}\n{end.stdout}{end.stderr}"
        return end.stdout

    def refused(self, *command: str, **variables: str) -> str:
        """Run `command`, which has to fail without a traceback, and return all it printed."""
        end = self.run(*command, **variables)
        output = end.stdout + end.stderr
        assert end.returncode != 0, f"{command} exited 0\n{output}"
        assert "Traceback" not in output, output
        return output

    def refused_by_tests(self, *command: str) -> str:
        """Run `command`, pytest, which has to fail, and return all it printed."""
        end = self.run(*command)
        assert end.returncode == 1, f"{command} exited {end.returncode}\n{end.stdout}{end.stderr}"
        return end.stdout

    def start(self, *command: str, **variables: str) -> subprocess.Popen[str]:
        """Start `command`, always as a fresh process, and return it running."""
        return subprocess.Popen(
            command,
            cwd=self.path,
            env=self.variables(**variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def python(self, code: str, **variables: str) -> str:
        """Run `code` with the project's Python and return what it printed."""
        return self.ok("python", "-c", code, **variables)

    def findings(self) -> list[str]:
        """What the project's own test asks a review of."""
        return self.python(FINDINGS, TEST_DATABASE_URL=self.url).splitlines()

    def write_model(self, name: str, body: str) -> Path:
        """Write a module of models that is called `name` and return its path."""
        path = self.package / "models" / f"{name}.py"
        # Another text of the same size and second would be taken for the one that is compiled.
        Path(cache_from_source(str(path))).unlink(missing_ok=True)
        path.write_text(
            "import sqlalchemy as sa\n"
            "from sqlalchemy.orm import Mapped, mapped_column, relationship\n"
            "from ..database import Base\n\n\n" + body,
            encoding="utf-8",
        )
        return path

    def revisions(self) -> list[Path]:
        """The revision files, in the order of their names."""
        return sorted((self.path / "alembic" / "versions").glob("*.py"))

    def write_revision(
        self, revision: str, upgrade: str, downgrade: str = "pass", down_revision: str | None = None
    ) -> Path:
        """Write a revision file whose functions have these bodies, and return its path."""
        path = self.path / "alembic" / "versions" / f"20270101_{revision}.py"
        path.write_text(
            "import os\nimport time\n\nimport sqlalchemy as sa\nfrom alembic import op\n\n"
            f"revision = {revision!r}\ndown_revision = {down_revision!r}\n\n\n"
            f"def upgrade() -> None:\n{_indented(upgrade)}\n\n"
            f"def downgrade() -> None:\n{_indented(downgrade)}\n",
            encoding="utf-8",
        )
        return path

    def autogenerate(self, message: str, **variables: str) -> Path | None:
        """Let Alembic write a revision and return its path, None when it wrote none.

        On PostgreSQL, further files may follow, as its parts.
        """
        before = set(self.revisions())
        self.ok("alembic", "revision", "--autogenerate", "-m", message, **variables)
        new = sorted(set(self.revisions()) - before)
        for number, path in enumerate(new[1:], start=2):
            assert f"{new[0].name.split('_')[2]}p{number:02}_" in path.name
        return new[0] if new else None

    @contextmanager
    def connect(self) -> Iterator[Any]:
        """Yield a connection of the driver itself to the project's database, in autocommit."""
        parts = urlsplit(self.url)
        name = parts.path[1:]
        connection: Any
        if self.database == "sqlite":
            connection = sqlite3.connect(name, isolation_level=None, timeout=30)
        elif self.database == "postgresql":
            connection = psycopg.connect(self.url, autocommit=True)
        else:
            connection = pymysql.connect(
                host="127.0.0.1",
                port=parts.port or 3306,
                user="root",
                database=name,
                autocommit=True,
            )
        with closing(connection):
            yield connection

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement on the project's database and return its rows."""
        with self.connect() as connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def tables(self) -> set[str]:
        """The names of the database's tables."""
        statement = {
            "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'"
            " AND name NOT LIKE 'sqlite_%'",
            "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
            "mysql": "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = DATABASE()",
        }[self.database]
        return {row[0] for row in self.sql(statement)}

    def version(self) -> list[str]:
        """The revisions that the database says it is at."""
        return [row[0] for row in self.sql("SELECT version_num FROM alembic_version")]


def _indented(body: str) -> str:
    return "\n".join(f"    {line}" for line in body.strip().splitlines())


def install(folder: Path, pyprojects: list[Path], *more: str) -> Path:
    """Make a virtual environment with the dependencies of generated projects.

    Args:
        folder: where it goes; one that is there is completed.
        pyprojects: the pyproject.toml files of the projects.
        more: the names of further packages.

    Returns:
        The folder of its programs.
    """
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert uv is not None, "uv is one of the development tools"
    if not (folder / "bin").exists():
        subprocess.run([uv, "venv", "--quiet", "-p", sys.executable, folder], check=True)
    for pyproject in pyprojects:
        subprocess.run(
            [
                *(uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", folder),
                *("--constraints", REPOSITORY / "constraints.txt"),
                *("-r", pyproject, "--group", f"{pyproject}:dev"),
                *more,
            ],
            check=True,
        )
    return folder / "bin"


def generate(folder: Path, answers: dict[str, Any]) -> Project:
    """Generate a project below `folder`, outside of pytest, with the environment of its tests.

    Args:
        folder: where the project's own folder is made.
        answers: `project_slug` and `database` among them.
    """
    path = cookiecutter(
        str(REPOSITORY),
        no_input=True,
        extra_context=answers,
        output_dir=str(folder / "generated"),
        default_config=True,
    )
    environment = REPOSITORY / ".pytest_cache" / "d" / "projects" / "environment"
    # The fork server imports every driver.
    drivers = "psycopg[binary]", "pymysql"
    programs = install(environment, [Path(path) / "pyproject.toml"], *drivers)
    return Project(Path(path), answers, programs)
