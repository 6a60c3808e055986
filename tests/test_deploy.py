"""Deploys: the files for it, the image, and releases under load, of which no request may fail."""

import os
import signal
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import Bake
from .projects import Project
from .releases import Load, is_open, log_of, mark_release, next_release, open_port, serve, take_over
from .servers import compose_command, tool
from .test_first_steps import fetch
from .test_wait import replace_in

# The files


@pytest.mark.deploy("kubernetes")
def test_the_linter_of_dockerfiles_finds_nothing(generated: Project) -> None:
    generated.ok(tool("hadolint"), "--failure-threshold", "info", "Dockerfile")


@pytest.mark.deploy("kubernetes")
def test_compose_accepts_its_file(generated: Project) -> None:
    read = yaml.safe_load(generated.ok(*compose_command(), "config"))
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


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.databases("postgresql", "mysql")
@pytest.mark.strategies("env-var")
def test_servers_have_the_same_shape(bake: Bake, generated: Project) -> None:
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


# Releases


@pytest.fixture
def releases(project: Project, tmp_path: Path) -> tuple[Project, Project]:
    """Two releases on one database, which the old one has migrated."""
    return project, next_release(project, tmp_path / "new")


@pytest.mark.databases("postgresql")
@pytest.mark.strategies("env-var")
@pytest.mark.usefixtures("at_head")
@pytest.mark.parametrize("least", [300, pytest.param(6000, marks=pytest.mark.weekly)])
def test_no_request_fails_while_a_release_takes_over(
    releases: tuple[Project, Project], least: int
) -> None:
    load = take_over(*releases, least)
    print(f"{load.total} requests, {len(load.failed)} failed: {dict(load.answers)}")
    assert load.failed == []
    written = releases[1].sql("SELECT count(*), count(*) FILTER (WHERE pinned) FROM note")
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
