"""Deploys: the files for it, the image, and releases under load, of which no request may fail."""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Condition, Thread
from typing import Self
from urllib.parse import urlencode

import pytest
import yaml

from .projects import Project
from .test_first_steps import fetch
from .test_status import HEAD
from .test_wait import replace_in

DEVELOPMENT = Path(sys.executable).parent


def tool(*names: str) -> str:
    """Return the path of the first of these programs that there is.

    Without one, the test fails under REQUIRE_DATABASES=1, and is skipped otherwise.
    """
    path = f"{DEVELOPMENT}{os.pathsep}{os.environ['PATH']}"
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    if os.environ.get("REQUIRE_DATABASES") == "1":
        pytest.fail(f"there is no {' or '.join(names)}")
    pytest.skip(f"there is no {' or '.join(names)}")


# The files


@pytest.mark.deploy("kubernetes")
def test_the_linter_of_dockerfiles_finds_nothing(generated: Project) -> None:
    generated.ok(tool("hadolint"), "--failure-threshold", "info", "Dockerfile")


@pytest.mark.deploy("kubernetes")
def test_compose_accepts_its_file(generated: Project) -> None:
    compose = [tool("docker-compose", "docker")]
    if compose[0].endswith("docker"):
        compose.append("compose")
    read = yaml.safe_load(generated.ok(*compose, "config"))
    services = read["services"]
    assert services["web"]["depends_on"] == {
        "migrate": {"condition": "service_completed_successfully"}
    }
    for name in ("migrate", "web"):
        assert services[name]["read_only"]
        assert services[name]["cap_drop"] == ["ALL"]
        secrets = [name for name in services[name]["environment"] if "KEY" in name]
        assert all(name.endswith("_FILE") for name in secrets)


@pytest.mark.deploy("kubernetes")
def test_the_manifests_are_valid(generated: Project) -> None:
    folder = generated.path / "kubernetes"
    manifests = [path for path in folder.rglob("*.yaml") if path.name != "kustomization.yaml"]
    generated.ok(tool("kubernetes-validate"), "--strict", *map(str, manifests))
    for kustomization in folder.rglob("kustomization.yaml"):
        named = yaml.safe_load(kustomization.read_text())["resources"]
        there = {path.name for path in kustomization.parent.iterdir()}
        assert {*named} == there - {"kustomization.yaml", "README.md"}
    by_kind = {read["kind"]: read for read in map(_read, manifests)}
    pod = by_kind["Deployment"]["spec"]["template"]["spec"]
    pods = [pod]
    [init] = pod["initContainers"]
    if generated.database == "sqlite":
        assert init["command"] == ["alembic", "upgrade", "head"]
        assert by_kind["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
    else:
        assert init["command"][:3] == ["python", "-m", "migrator.wait"]
        pods.append(by_kind["Job"]["spec"]["template"]["spec"])
    for spec in pods:
        assert spec["securityContext"]["runAsNonRoot"]
        for container in spec["containers"] + spec.get("initContainers", []):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            owner = any(item["name"].startswith("MIGRATION_") for item in container["env"])
            assert owner == (spec is not pod), "the owner's URL is for the Job alone"


def _read(path: Path) -> dict[str, dict[str, dict[str, dict[str, dict[str, object]]]]]:
    read: dict[str, dict[str, dict[str, dict[str, dict[str, object]]]]]
    read = yaml.safe_load(path.read_text(encoding="utf-8"))
    return read


@pytest.mark.databases("postgresql", "mysql")
@pytest.mark.strategies("env-var")
def test_servers_have_the_same_shape(bake, generated: Project) -> None:  # type: ignore[no-untyped-def]
    """The Job and its budget are a file for each server, because SQLite has none."""
    folders = [
        bake(database=database, deploy="kubernetes").path / "kubernetes"
        for database in ("postgresql", "mysql")
    ]
    for name in ("disruption-budget.yaml", "migration/job.yaml", "migration/kustomization.yaml"):
        one, other = ((folder / name).read_text() for folder in folders)
        assert one == other


# Serving


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
@pytest.mark.usefixtures("at_head")
def test_the_server_says_when_connections_cannot_suffice(project: Project) -> None:
    name = project.url.rpartition("/")[2]
    project.sql(f"ALTER DATABASE {name} CONNECTION LIMIT 10")
    said = "are 18, but the database allows 10: lower WEB_CONCURRENCY or pool_size"
    for workers, expected in (("2", True), ("1", False)):
        with open_port() as (listener, address), serve(project, listener, workers) as server:
            fetch(f"{address}/healthz")
            server.terminate()
            server.wait(60)
        assert (said in log_of(project).read_text()) == expected


@pytest.mark.strategies("env-var")
@pytest.mark.usefixtures("at_head")
def test_connections_are_counted_with_the_pools_limits(project: Project) -> None:
    code = f"""
from migrator.connections import shortage
from {project.package.name}.app import create_app
app = create_app()
with app.app_context():
    for processes in (1, 10**6):
        print(shortage(app.extensions["sqlalchemy"].engine, processes, 99))
"""
    few, many = project.python(code).splitlines()
    assert few == "None"
    if project.database == "sqlite":
        assert many == "None"
    else:
        # 5 in the pool and 10 above.
        assert "1000000 processes with 15 connections each" in many
    replace_in(
        project.package / "database" / "engine.py",
        '"pool_pre_ping"',
        '"pool_size": 7, "pool_pre_ping"',
    )
    many = project.python(code).splitlines()[1]
    assert project.database == "sqlite" or "with 17 connections" in many


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
@pytest.mark.usefixtures("at_head")
def test_a_hangup_is_refused_loudly(project: Project) -> None:
    with open_port() as (listener, address), serve(project, listener) as server:
        fetch(f"{address}/healthz")
        server.send_signal(signal.SIGHUP)
        while "SIGHUP is ignored" not in log_of(project).read_text():
            assert server.poll() is None
            time.sleep(0.05)
        assert fetch(f"{address}/healthz")[0] == 200


def log_of(project: Project) -> Path:
    """What the server says. A pipe that nobody reads would stop it: it has a line per request."""
    return project.path.parent / "gunicorn.log"


@contextmanager
def open_port() -> Iterator[tuple[socket.socket, str]]:
    """Yield a listening socket, as systemd hands one over, and its address."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=2048)) as listener:
        yield listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def serve(
    project: Project, listener: socket.socket, workers: str = "2", before: str = ""
) -> Iterator[subprocess.Popen[str]]:
    """Run gunicorn on a socket that is open already, and yield its process.

    Args:
        project: what is served.
        listener: the socket; it stays open when the server ends, and requests queue.
        workers: how many processes serve.
        before: what the shell runs first, with && after it.
    """
    command = f"{before} exec gunicorn --bind fd://{listener.fileno()} wsgi:app"
    with (
        log_of(project).open("w") as log,
        subprocess.Popen(
            ["bash", "-c", command],
            cwd=project.path,
            env=project.variables(WEB_CONCURRENCY=workers, ENVIRONMENT="development"),
            pass_fds=[listener.fileno()],
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


# Releases

TEXT = {"csrf": re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')}
SLOW = '''

@blueprint.get("/slow")
def slow() -> str:
    """Answer after a second."""
    import time

    time.sleep(1)
    return "done"
'''


class Load:
    """Clients that read and write, each with a request at a time, until `stop`."""

    def __init__(self, address: str, clients: int = 4) -> None:
        self._host = address.removeprefix("http://")
        self._changed = Condition()
        self._stopped = False
        self.answers: Counter[str] = Counter()
        self.failed: list[str] = []
        runs = [self._read_and_write] * clients + [self._read_slowly]
        self._threads = [Thread(target=self._repeat, args=(run,)) for run in runs]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopped = True
        for thread in self._threads:
            thread.join()

    def until(self, count: int, what: str = "") -> None:
        """Wait until there are so many answers of a kind, or of all."""
        with self._changed:
            enough = self._changed.wait_for(
                lambda: self.failed or (self.answers[what] if what else self.total) >= count, 1200
            )
        assert enough
        assert not self.failed

    @property
    def total(self) -> int:
        """How many requests were answered as they should be."""
        return self.answers.total()

    def _repeat(self, run) -> None:  # type: ignore[no-untyped-def]
        while not (self._stopped or self.failed):
            try:
                run()
            except (OSError, http.client.HTTPException, AssertionError) as error:
                with self._changed:
                    self.failed.append(repr(error))
                    self._changed.notify_all()

    def _request(self, method: str, path: str, status: int, **more: object) -> tuple[str, str]:
        with closing(http.client.HTTPConnection(self._host, timeout=60)) as connection:
            connection.request(method, path, **more)  # type: ignore[arg-type]
            answer = connection.getresponse()
            text = answer.read().decode()
        assert answer.status == status, (path, answer.status, text)
        return text, (answer.getheader("Set-Cookie") or "").partition(";")[0]

    def _count(self, what: str) -> None:
        with self._changed:
            self.answers[what] += 1
            self._changed.notify_all()

    def _read_and_write(self) -> None:
        release, _ = self._request("GET", "/static/release.txt", 200)
        self._count(release)
        page, cookie = self._request("GET", "/notes/", 200)
        self._count("read")
        found = TEXT["csrf"].search(page)
        assert found is not None
        form = {"csrf_token": found[1], "text": "a note"}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
        self._request("POST", "/notes/", 303, body=urlencode(form), headers=headers)
        self._count("written")

    def _read_slowly(self) -> None:
        self._request("GET", "/slow", 200)
        self._count("slow")


def is_open(port: int) -> bool:
    """Return whether something listens on a port."""
    with closing(socket.socket()) as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def mark_release(project: Project, name: str) -> None:
    """Have a project say which release it is."""
    (project.package / "static" / "release.txt").write_text(name)


@pytest.fixture
def releases(project: Project, tmp_path: Path) -> tuple[Project, Project]:
    """Two releases on one database, which the old one has migrated.

    The new one changes the table that both read and write.
    """
    with (project.package / "views" / "home.py").open("a") as file:
        file.write(SLOW)
    mark_release(project, "old")
    path = tmp_path / "new" / project.path.name
    shutil.copytree(project.path, path)
    new = Project(path, project.answers, project.bin, project.url)
    mark_release(new, "new")
    with (new.package / "models" / "note.py").open("a") as file:
        file.write("    pinned: Mapped[bool] = mapped_column(server_default=false())\n")
    replace_in(new.package / "models" / "note.py", "String, func", "String, false, func")
    replace_in(new.package / "models" / "note.py", "String(200)", "String(400)")
    replace_in(
        new.package / "views" / "notes.py",
        "Note(text=form.text.data)",
        "Note(text='new', pinned=True)",
    )
    new.write_revision(
        "r1",
        "op.alter_column('note', 'text', type_=sa.String(400), existing_type=sa.String(200))\n"
        "op.add_column('note', sa.Column('pinned', sa.Boolean, nullable=False,"
        " server_default=sa.false()))",
        down_revision=HEAD,
    )
    (new.path / "alembic" / "HEAD").write_text("r1\n")
    return project, new


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
@pytest.mark.usefixtures("at_head")
@pytest.mark.parametrize("least", [300, pytest.param(6000, marks=pytest.mark.weekly)])
def test_no_request_fails_while_a_release_takes_over(
    releases: tuple[Project, Project], least: int
) -> None:
    old, new = releases
    third = least // 3
    wait = "python -m migrator.wait &&"
    with open_port() as (listener, address), serve(old, listener) as first, Load(address) as load:
        load.until(third)
        with serve(new, listener, before=wait) as second:
            new.ok("alembic", "upgrade", "head")
            load.until(load.total + third)
            load.until(10, "new")
            first.terminate()
            assert first.wait(60) == 0
            load.until(load.total + third)
            load.until(1 + load.answers["slow"], "slow")
            assert second.poll() is None
            before = load.answers["old"]
            load.until(load.answers["new"] + 20, "new")
            assert load.answers["old"] == before
            load.__exit__()
    print(f"{load.total} requests, {len(load.failed)} failed: {dict(load.answers)}")
    assert load.failed == []
    written = new.sql("SELECT count(*), count(*) FILTER (WHERE pinned) FROM note")
    assert written[0][0] == load.answers["written"]
    assert written[0][1] > 0


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
@pytest.mark.usefixtures("at_head")
def test_no_request_fails_while_new_code_is_loaded(
    releases: tuple[Project, Project], tmp_path: Path
) -> None:
    """By USR2 and TERM, as the README says."""
    project, _ = releases
    pid, second = tmp_path / "pid", tmp_path / "pid.2"
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["gunicorn", "--bind", f"127.0.0.1:{port}", "--pid", str(pid), "wsgi:app"]
    with (
        log_of(project).open("w") as log,
        subprocess.Popen(
            command,
            cwd=project.path,
            env=project.variables(ENVIRONMENT="development"),
            stdout=log,
            stderr=log,
        ) as first,
    ):
        # Before it listens, it does not handle the signal.
        while not is_open(port):
            assert first.poll() is None
            time.sleep(0.05)
        try:
            with Load(f"http://127.0.0.1:{port}") as load:
                load.until(30)
                mark_release(project, "new")
                first.send_signal(signal.SIGUSR2)
                while not second.exists():
                    assert first.poll() is None
                    time.sleep(0.05)
                load.until(load.total + 30)
                first.terminate()
                assert first.wait(60) == 0
                load.until(load.total + 30)
            assert load.failed == []
        finally:
            for path in (pid, second):
                if path.exists():
                    os.kill(int(path.read_text()), signal.SIGTERM)
