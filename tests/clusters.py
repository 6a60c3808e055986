"""Servers beside the two that the tests find: poolers, standbys, clusters.

Each is started on a free port, with its files in a folder of its own, and stopped by its process
number. A program that is not installed fails the test under REQUIRE_DATABASES=1, and skips it
otherwise; `.ci/run` installs them all.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pymysql
import pytest

from .servers import POSTGRESQL

GALERA = "/usr/lib/galera/libgalera_smm.so"


def wait_until(condition: Callable[[], object], seconds: float = 90) -> None:
    """Return as soon as `condition()` holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def program(*names: str) -> str:
    """Return the path of a program, the first of `names` that is installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([*map(str, folders), os.environ["PATH"], "/usr/sbin"])
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    message = f"{names[0]} is not installed"
    if os.environ.get("REQUIRE_DATABASES") == "1":
        pytest.fail(message)
    pytest.skip(message)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


class Server:
    """A server process, and the command that starts it again."""

    def __init__(self, folder: Path, user: str, command: list[str]) -> None:
        """Start nothing yet.

        Args:
            folder: for its output, in the file `log`.
            user: whom it runs as, where the tests run as root: such servers refuse that.
            command: the program and its arguments.
        """
        self.folder = folder
        self.command = [*as_user(user), *command]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> None:
        """Start it, with `more` arguments, and do not wait for it."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*self.command, *more], stdout=log, stderr=log)

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Stop it, if it runs, and wait for its end."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(60)
            self.process = None

    def wait_for(self, answers: Callable[[], object]) -> None:
        """Return when it answers; fail with its output when it ends before."""

        def is_there() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, (self.folder / "log").read_text()
            try:
                return bool(answers())
            except (psycopg.Error, pymysql.Error):
                return False

        wait_until(is_there)


def as_user(user: str) -> list[str]:
    """Return how a command begins that runs as `user`, if this process is root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]


@contextmanager
def folder_of(user: str) -> Iterator[Path]:
    """Yield a new folder that belongs to `user`; pytest's own ones are closed to others."""
    with tempfile.TemporaryDirectory(prefix="shop-", ignore_cleanup_errors=True) as name:
        if os.geteuid() == 0:
            shutil.chown(name, user, user)
        yield Path(name)


@contextmanager
def pgbouncer(mode: str, size: int = 10) -> Iterator[str]:
    """Start PgBouncer before the tests' PostgreSQL server; yield the URL, without a database.

    Args:
        mode: `session`, `transaction` or `statement`.
        size: the number of server connections for each database.
    """
    found, port = program("pgbouncer"), free_port()
    with folder_of("postgres") as folder:
        (folder / "pgbouncer.ini").write_text(
            f"""
[databases]
* = host=127.0.0.1 port=5432 user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
"""
        )
        server = Server(folder, "postgres", [found, str(folder / "pgbouncer.ini")])
        url = POSTGRESQL.replace("5432", str(port))
        server.start()
        try:
            server.wait_for(lambda: answers(f"{url}postgres"))
            yield url
        finally:
            server.stop()


def answers(url: str) -> bool:
    """Return whether the PostgreSQL server of `url` takes a connection."""
    psycopg.connect(url, connect_timeout=5).close()
    return True


class PostgreSQL(Server):
    """A PostgreSQL server of the test's own."""

    def __init__(self, folder: Path) -> None:
        """Start nothing yet; `folder` has its files in `data`."""
        self.port = free_port()
        self.data = folder / "data"
        options = ["-p", self.port, "-k", folder, "-c", "listen_addresses=127.0.0.1"]
        command = [program("postgres"), "-D", self.data, *options]
        super().__init__(folder, "postgres", [str(word) for word in command])

    @property
    def url(self) -> str:
        """The URL of its database `postgres`."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def run(self, name: str, *arguments: object) -> None:
        """Run one of PostgreSQL's programs as the server's user."""
        command = [*as_user("postgres"), program(name), *map(str, arguments)]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder)

    def start(self, *more: str) -> None:
        """Start it, and return when it answers."""
        super().start(*more)
        self.wait_for(lambda: answers(self.url))

    def kill(self) -> None:
        """Let it end at once, as at a power cut: it closes connections and writes nothing."""
        self.stop(signal.SIGQUIT)

    def promote(self) -> None:
        """Make a standby the primary."""
        self.run("pg_ctl", "promote", "-D", self.data, "-w")


@contextmanager
def primary_and_standby() -> Iterator[tuple[PostgreSQL, PostgreSQL]]:
    """Start a PostgreSQL server, and one that follows it by streaming.

    The role `app` has the password `right`; everybody else is trusted.
    """
    with ExitStack() as stack:
        primary, standby = (
            PostgreSQL(stack.enter_context(folder_of("postgres"))) for _ in range(2)
        )
        primary.run("initdb", "-D", primary.data, "-A", "trust", "-U", "postgres", "--no-sync")
        rules = primary.data / "pg_hba.conf"
        rules.write_text("host all app 127.0.0.1/32 scram-sha-256\n" + rules.read_text())
        for server in (primary, standby):
            stack.callback(server.stop, signal.SIGQUIT)
        primary.start()
        with psycopg.connect(primary.url, autocommit=True) as connection:
            connection.execute("CREATE ROLE app LOGIN PASSWORD 'right'")
        source = ["-h", "127.0.0.1", "-p", primary.port, "-U", "postgres"]
        standby.run("pg_basebackup", "-D", standby.data, *source, "-R", "-c", "fast", "--no-sync")
        standby.start()
        yield primary, standby


class Node(Server):
    """A MariaDB server that is a node of a Galera cluster."""

    def __init__(self, folder: Path, address: str, port: int) -> None:
        """Start nothing yet; `folder` has its files in `data`.

        Args:
            folder: of the node.
            address: of all nodes, as Galera takes it.
            port: of this node in `address`.
        """
        self.port = free_port()
        self.data = folder / "data"
        provider = {
            "base_port": port,
            "gmcast.listen_addr": f"tcp://127.0.0.1:{port}",
            "ist.recv_addr": f"127.0.0.1:{free_port()}",
            "gcache.size": "8M",
            "pc.recovery": "no",
            # The cluster waits for a node that is silent, and does without it after that time.
            "evs.suspect_timeout": "PT60S",
            "evs.inactive_timeout": "PT60S",
            "evs.install_timeout": "PT60S",
        }
        options = {
            "datadir": self.data,
            "port": self.port,
            "bind-address": "127.0.0.1",
            "socket": folder / "socket",
            "pid-file": folder / "pid",
            "innodb-flush-log-at-trx-commit": 0,
            "innodb-buffer-pool-size": "32M",
            "innodb-log-file-size": "16M",
            "binlog-format": "ROW",
            "innodb-autoinc-lock-mode": 2,
            "wsrep-on": "ON",
            "wsrep-provider": GALERA,
            "wsrep-cluster-address": address,
            "wsrep-node-address": "127.0.0.1",
            "wsrep-sst-method": "rsync",
            "wsrep-sst-receive-address": f"127.0.0.1:{free_port()}",
            "wsrep-provider-options": ";".join(f"{key}={value}" for key, value in provider.items()),
        }
        command = [program("mariadbd"), "--no-defaults"]
        super().__init__(
            folder, "mysql", command + [f"--{key}={value}" for key, value in options.items()]
        )

    def url(self, database: str) -> str:
        """The URL of a database of this node."""
        return f"mysql://root@127.0.0.1:{self.port}/{database}"

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement on this node and return its rows."""
        with pymysql.connect(
            host="127.0.0.1", port=self.port, user="root", autocommit=True
        ) as connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            return list(cursor.fetchall())

    def join(self, *more: str) -> None:
        """Start it, and return when it has what the other nodes have."""
        self.start(*more)
        state = "SHOW STATUS LIKE 'wsrep_local_state_comment'"
        self.wait_for(lambda: self.sql(state)[0][1] == "Synced")


@contextmanager
def galera() -> Iterator[list[Node]]:
    """Start a cluster of three nodes."""
    for needed in ("mariadbd", "mariadb-install-db", "rsync"):
        program(needed)
    if not Path(GALERA).exists():
        program("galera-4")
    ports = [free_port() for _ in range(3)]
    address = "gcomm://" + ",".join(f"127.0.0.1:{port}" for port in ports)
    with ExitStack() as stack:
        nodes = [Node(stack.enter_context(folder_of("mysql")), address, port) for port in ports]
        install = [program("mariadb-install-db"), "--no-defaults", f"--datadir={nodes[0].data}"]
        install += ["--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run([*as_user("mysql"), *install], check=True, capture_output=True)
        for node in nodes:
            stack.callback(node.stop)
        nodes[0].join("--wsrep-new-cluster")
        for node in nodes[1:]:
            node.data.mkdir()
            if os.geteuid() == 0:
                shutil.chown(node.data, "mysql", "mysql")
            node.join()
        yield nodes
