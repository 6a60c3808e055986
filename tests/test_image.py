"""The image, built and run for real. `-n0 -s` shows what was measured."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from .images import Images, live, opened
from .projects import Project
from .servers import compose_command
from .test_first_steps import fetch


@pytest.fixture(scope="module")
def images(pytestconfig: pytest.Config) -> Iterator[Images]:
    """The store, with the base image in it, which stays in pytest's cache."""
    if os.geteuid() != 0:
        pytest.skip("images are built as root; the weekly workflow does")
    with opened(Path(str(pytestconfig.cache.mkdir("images")))) as store:
        yield store


@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_the_life_of_a_container(project: Project, images: Images) -> None:
    print(live(project, images))


@pytest.mark.weekly
@pytest.mark.databases("postgresql", "mysql")
def test_the_life_of_a_container_with_a_server(project: Project, images: Images) -> None:
    print(live(project, images))


@pytest.mark.weekly
@pytest.mark.databases("sqlite")
@pytest.mark.strategies("env-var")
def test_one_command_leads_to_a_page(project: Project, images: Images) -> None:
    """compose.yaml, run by docker-compose on podman: secrets, migration, then the app."""
    uv = Path(sys.executable).parent / "uv"
    subprocess.run([uv, "lock", "--quiet"], cwd=project.path, check=True)
    compose = yaml.safe_load((project.path / "compose.yaml").read_text())
    for name, service in compose["services"].items():
        # What podman cannot do here: a network, timers without systemd, the limits of the host.
        service["healthcheck"] = {"disable": True}
        service["ulimits"] = {"nofile": 1024, "nproc": 1024}
        service.pop("ports", None)
        if name != "secrets":
            service["network_mode"] = "host"
        service["image"] = f"localhost/{project.path.name}:compose"
    (project.path / "compose.yaml").write_text(json.dumps(compose))
    images.build(project, "compose")
    with images.serving_docker() as address:
        options: dict[str, Any] = {
            "cwd": project.path,
            "env": project.variables(DOCKER_HOST=address),
        }
        program = [*compose_command(), "--project-name", f"shop{os.getpid()}"]
        try:
            subprocess.run([*program, "up", "--detach", "--no-build"], check=True, **options)
            for _ in range(100):
                try:
                    assert fetch("http://localhost:8000/readyz")[0] == 200
                    break
                except OSError:
                    time.sleep(0.1)
            assert fetch("http://localhost:8000/notes/")[0] == 200
        finally:
            subprocess.run([*program, "down", "--volumes"], check=True, **options)
