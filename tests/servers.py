"""Databases for one test each: made before it, dropped after it."""

import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pymysql
import pytest

POSTGRESQL = "postgresql://postgres@127.0.0.1:5432/"
# Of MariaDB, or of MySQL: see mysql.sh.
MYSQL_PORT = int(os.environ.get("MYSQL_PORT", "3306"))
MYSQL = f"mysql://root@127.0.0.1:{MYSQL_PORT}/"


@contextmanager
def new_database(kind: str, folder: Path) -> Iterator[str]:
    """Yield the URL of a database that is there and empty (for SQLite: a file not there yet).

    Args:
        kind: `sqlite`, `postgresql` or `mysql`, as in the answer `database`.
        folder: where a SQLite file goes.
    """
    if kind == "sqlite":
        yield f"sqlite:///{folder}/test.sqlite3"
        return
    name = f"test_{secrets.token_hex(6)}"
    execute(kind, f"CREATE DATABASE {name}")
    try:
        yield (POSTGRESQL if kind == "postgresql" else MYSQL) + name
    finally:
        execute(kind, f"DROP DATABASE {name}" + (" WITH (FORCE)" * (kind == "postgresql")))


def execute(kind: str, statement: str) -> None:
    """Run `statement` on the server of `kind`.

    A server that does not answer fails the test under REQUIRE_DATABASES=1, and skips it
    otherwise.
    """
    try:
        if kind == "postgresql":
            with psycopg.connect(f"{POSTGRESQL}postgres", autocommit=True) as connection:
                connection.execute(statement)
        else:
            with pymysql.connect(host="127.0.0.1", port=MYSQL_PORT, user="root") as connection:
                connection.cursor().execute(statement)
    except (psycopg.OperationalError, pymysql.err.OperationalError) as error:
        if os.environ.get("REQUIRE_DATABASES") == "1":
            raise
        pytest.skip(f"no {kind} server: {error}")


def feed(kind: str, url: str, sql: str) -> None:
    """Run a script with the database's own client.

    Args:
        kind: as the answer `database`.
        url: of the database.
        sql: statements, as `alembic upgrade --sql` prints them.
    """
    if kind == "sqlite":
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.executescript(sql)
        return
    client = {
        "postgresql": ["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-d", url],
        "mysql": [
            "mariadb",
            "-h",
            "127.0.0.1",
            "-P",
            str(MYSQL_PORT),
            "-u",
            "root",
            url.rpartition("/")[2],
        ],
    }
    subprocess.run(client[kind], input=sql, text=True, check=True, capture_output=True)


def tool(*names: str) -> str:
    """Return the path of the first of these programs that there is.

    Without one, the test fails under REQUIRE_DATABASES=1, and is skipped otherwise.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    if os.environ.get("REQUIRE_DATABASES") == "1":
        pytest.fail(f"there is no {' or '.join(names)}")
    pytest.skip(f"there is no {' or '.join(names)}")


def compose_command() -> list[str]:
    """Return Compose's command: its own program, or Docker's with the plugin."""
    program = tool("docker-compose", "docker")
    return [program, "compose"] if program.endswith("docker") else [program]
