"""A failover that nobody makes by hand: `python -m tests.patroni`, as root or as anybody.

It starts etcd and two PostgreSQL servers under Patroni (Debian's packages etcd-server, patroni and
python3-etcd), kills the leader in the middle of an upgrade, and runs the upgrade again. A weekly
workflow runs it; it takes about a minute.
"""

import json
import os
import signal
import tempfile
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import psycopg
from cookiecutter.main import cookiecutter

from .clusters import Server, answers, folder_of, free_port, program, wait_until
from .projects import REPOSITORY, SLUG, Project, install
from .test_one_at_a_time import TABLE, chain, pause, paused


class Member(Server):
    """A PostgreSQL server under Patroni."""

    def __init__(self, folder: Path, name: str, etcd: int) -> None:
        """Start nothing yet.

        Args:
            folder: of the server's user.
            name: of the member.
            etcd: the port that etcd listens on.
        """
        self.port, self.api = free_port(), free_port()
        user = {"username": "postgres", "password": "any"}
        configuration = {
            "scope": SLUG,
            "name": name,
            "restapi": {
                "listen": f"127.0.0.1:{self.api}",
                "connect_address": f"127.0.0.1:{self.api}",
            },
            "etcd3": {"host": f"127.0.0.1:{etcd}"},
            "bootstrap": {
                "dcs": {"ttl": 20, "loop_wait": 2, "retry_timeout": 5},
                "initdb": [{"auth": "trust"}, "no-sync"],
                "pg_hba": [
                    "host all all 127.0.0.1/32 trust",
                    "host replication all 127.0.0.1/32 trust",
                    "local all all trust",
                ],
            },
            "postgresql": {
                "listen": f"127.0.0.1:{self.port}",
                "connect_address": f"127.0.0.1:{self.port}",
                "data_dir": str(folder / "data"),
                "bin_dir": str(Path(program("initdb")).parent),
                "authentication": {"superuser": user, "replication": user},
                "pgpass": str(folder / "pgpass"),
                "parameters": {"unix_socket_directories": str(folder)},
            },
        }
        # JSON is YAML.
        (folder / "patroni.yml").write_text(json.dumps(configuration))
        super().__init__(folder, "postgres", [program("patroni"), str(folder / "patroni.yml")])

    def is_leader(self) -> bool:
        """Return whether this is the server that writes."""
        with suppress(OSError), urlopen(f"http://127.0.0.1:{self.api}/leader", timeout=5):
            return True
        return False

    def kill(self) -> None:
        """Kill Patroni and its PostgreSQL server, as at a power cut."""
        postmaster = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        self.stop()
        os.kill(postmaster, signal.SIGKILL)


def main() -> None:
    """Let a leader die in the middle of an upgrade; fail if anything is lost by that."""
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder = stack.enter_context(folder_of("postgres"))
        client, peer = free_port(), free_port()
        command = [program("etcd"), "--data-dir", str(folder / "etcd"), "--name", "etcd"]
        for option, port in (("client", client), ("peer", peer)):
            address = f"http://127.0.0.1:{port}"
            advertise = "initial-advertise-peer" if option == "peer" else "advertise-client"
            command += [f"--listen-{option}-urls", address, f"--{advertise}-urls", address]
        command += ["--initial-cluster", f"etcd=http://127.0.0.1:{peer}"]
        etcd = Server(folder, "postgres", command)
        stack.callback(etcd.stop)
        etcd.start()
        members = []
        for name in ("one", "two"):
            member = Member(stack.enter_context(folder_of("postgres")), name, client)
            stack.callback(member.stop, signal.SIGTERM)
            member.start()
            # The first one makes the database; the second one copies it.
            url = f"postgresql://postgres@127.0.0.1:{member.port}/postgres"
            member.wait_for(partial(answers, url))
            members.append(member)
        first, second = members
        wait_until(first.is_leader)

        hosts = "&".join(f"host=127.0.0.1:{member.port}" for member in members)
        answers_ = {"project_slug": SLUG, "database": "postgresql", "url_strategy": "env-var"}
        path = Path(
            cookiecutter(
                str(REPOSITORY),
                no_input=True,
                extra_context=answers_,
                output_dir=str(work),
                default_config=True,
            )
        )
        project = Project(
            path,
            answers_,
            install(work / "environment", [path / "pyproject.toml"]),
            f"postgresql://postgres@/postgres?{hosts}&target_session_attrs=read-write",
        )
        chain(
            project,
            TABLE.format("t1"),
            TABLE.format("t2") + "\n" + pause(project) + "\n" + TABLE.format("u2"),
            TABLE.format("t3"),
        )
        with paused(project, "alembic", "upgrade", "head") as process:
            # What the standby does not have yet is lost with the leader: Patroni's default.
            with psycopg.connect(f"postgresql://postgres@127.0.0.1:{first.port}/postgres") as one:
                [(position,)] = one.execute("SELECT pg_current_wal_lsn()")
            with psycopg.connect(
                f"postgresql://postgres@127.0.0.1:{second.port}/postgres", autocommit=True
            ) as two:
                arrived = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
                wait_until(lambda: two.execute(arrived, [position]).fetchone() == (True,))
            first.kill()
            (path / "go").touch()
            output = process.communicate(timeout=120)[0]
        print(output)
        assert process.returncode != 0
        assert "Traceback" not in output
        assert "The connection to the database was lost" in output
        assert "Committed before that: r1." in output
        wait_until(second.is_leader)
        print(project.run("alembic", "upgrade", "head").stderr)
        project.url = f"postgresql://postgres@127.0.0.1:{second.port}/postgres"
        assert project.version() == ["r3"]
        assert project.tables() >= {"note", "t1", "t2", "u2", "t3"}


if __name__ == "__main__":
    main()
