"""Commands of generated projects, forked from a process that has imported the libraries.

To start Python and import SQLAlchemy, Alembic and Flask for each command was 60 % of the suite's
CPU time. `tests/fork_server.py` is that process, and says what a forked command does not see.
"""

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
from pathlib import Path
from tempfile import TemporaryFile
from typing import TextIO

SERVER = Path(__file__).with_name("fork_server.py")
KINDS = (("alembic",), ("flask",), ("pytest",), ("python", "-c"), ("python", "-m"))
# What the commands of projects import. alembic_postgresql_enum is not among it: importing it changes
# Alembic, for every database. Nor is pytest-cov: pytest rewrites the plugins that it imports.
OF_PROJECTS = (
    "alembic.autogenerate.api",
    "alembic.command",
    "alembic.config",
    "alembic.runtime.environment",
    "dotenv",
    "flask.cli",
    "flask.testing",
    "flask_sqlalchemy.cli",
    "flask_wtf",
    "logging.config",
    "psycopg",
    "pymysql",
    "pytest",
    "sqlalchemy.dialects.mysql.pymysql",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "sqlalchemy.orm",
    "sqlite3",
)
# What cruft imports. Cookiecutter itself is not among it: it reads HOME when it is imported.
OF_CRUFT = (
    "arrow",
    "binaryornot.check",
    "click",
    "git",
    "jinja2.ext",
    "rich.prompt",
    "slugify",
    "typer",
    "yaml",
)
# Variables that the interpreter or a library reads when it starts, and not again. Found by recording
# what is asked of os.environ while the server imports.
READ_AT_START = ("LANG", "LC_", "PSYCOPG_", "PYTHON", "TZ")


def read_at_start(environment: dict[str, str]) -> dict[str, str]:
    """Return the variables that are read before a command is."""
    return {name: environment[name] for name in environment if name.startswith(READ_AT_START)}


class ForkServer:
    """The server, running."""

    def __init__(
        self,
        programs: Path,
        environment: dict[str, str],
        libraries: tuple[str, ...] = OF_PROJECTS,
        *,
        first_is_fresh: bool = True,
    ) -> None:
        """Start the server; it imports while the caller goes on.

        Args:
            programs: the folder of the interpreter and the console scripts.
            environment: the variables that the server is started with.
            libraries: what it imports.
            first_is_fresh: the server does not take the first command of each kind with each
                database, so that the real way in is tested too.
        """
        self._programs = programs
        self._environment = environment
        self._first_is_fresh = first_is_fresh
        self._seen: set[tuple[tuple[str, ...], str]] = set()
        self._control, remote = socket.socketpair()
        with remote:
            self._process = subprocess.Popen(
                [programs / "python", SERVER, *libraries],
                cwd=programs,
                env=environment,
                stdin=remote.fileno(),
                stdout=subprocess.DEVNULL,
            )

    def close(self) -> None:
        """Let the server end, and wait for it."""
        self._control.close()
        self._process.wait()

    def takes(self, command: tuple[str, ...], database: str, environment: dict[str, str]) -> bool:
        """Return whether a forked process stands for a fresh one."""
        kind = next((kind for kind in KINDS if command[: len(kind)] == kind), None)
        program = shutil.which(command[0], path=environment["PATH"])
        if (
            kind is None
            or program != str(self._programs / command[0])
            or read_at_start(environment) != read_at_start(self._environment)
        ):
            return False
        first = self._first_is_fresh and (kind, database) not in self._seen
        self._seen.add((kind, database))
        return not first

    def run(
        self, command: tuple[str, ...], cwd: Path, environment: dict[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a command that the server takes; like `subprocess.run`, which captures its output.

        Raises:
            subprocess.TimeoutExpired: after `timeout` seconds; the process has been killed.
        """
        program, *arguments = command
        request = {
            "program": program if program == "python" else str(self._programs / program),
            "arguments": arguments,
            "cwd": str(cwd),
            "environment": environment,
        }
        connection, remote = socket.socketpair()
        with connection, TemporaryFile("w+") as stdout, TemporaryFile("w+") as stderr:
            with remote:
                descriptors = [remote.fileno(), 0, stdout.fileno(), stderr.fileno()]
                # One byte: threads cannot get in between each other's.
                socket.send_fds(self._control, [b"!"], descriptors)
            connection.sendall(json.dumps(request).encode())
            connection.shutdown(socket.SHUT_WR)
            process = _number(connection)
            connection.settimeout(timeout)
            try:
                code = _number(connection)
            except BaseException as error:
                os.kill(process, signal.SIGKILL)
                connection.settimeout(None)
                _number(connection)
                if isinstance(error, TimeoutError):
                    output = _text(stdout), _text(stderr)
                    raise subprocess.TimeoutExpired(command, timeout, *output) from None
                raise
            return subprocess.CompletedProcess(command, code, _text(stdout), _text(stderr))


def _number(connection: socket.socket) -> int:
    """Receive one C int; `struct.error` when the server has ended."""
    [number] = struct.unpack("i", connection.recv(4))
    return int(number)


def _text(file: TextIO) -> str:
    file.seek(0)
    return file.read()
