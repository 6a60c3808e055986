"""An image, built and run for real, without a registry: migrate, wait, doctor, serve, stop.

It needs root, buildah, podman, runc and debootstrap. A Debian with Python stands in for the official
base image.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .projects import Project
from .servers import tool
from .test_first_steps import fetch

BASE = "localhost/base"
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
TRUSTED = f"/{CERTIFICATES}"
PRODUCTION = {"SECRET_KEY": "0123456789abcdef0123456789abcdef", "TRUSTED_HOSTS": "localhost"}
# What a cluster's restricted profile allows. The limits are lower than the host's, which not
# everybody may set.
RESTRICTED = [
    *("--network", "host", "--read-only", "--cap-drop", "all"),
    *("--security-opt", "no-new-privileges", "--no-healthcheck"),
    *("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"),
]
FILES = """
import os
for folder, _, names in os.walk("/app"):
    for name in names:
        print(os.path.join(folder, name))
"""


@contextmanager
def opened(folder: Path) -> Iterator["Images"]:
    """Yield a store of images in a folder, with the base image; without containers at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    store = Images(folder)
    store.make_base()
    try:
        yield store
    finally:
        store.podman("rm", "--all", "--force", "--volumes")
        store.podman("image", "prune", "--force")


class Images:
    """A store of images in a folder, and the programs that use it."""

    def __init__(self, folder: Path) -> None:
        self._store = ["--root", str(folder / "root"), "--runroot", str(folder / "run")]
        self._podman = [tool("podman"), *self._store, "--runtime", "runc"]
        self._podman += ["--cgroup-manager", "cgroupfs"]
        self._folder = folder

    def make_base(self) -> None:
        """Make the base image, if it is not there."""
        if self.podman("images", "--quiet", BASE, check=False).stdout:
            return
        tree = self._folder / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        packages = "--include=python3,python3-venv,ca-certificates"
        make = [tool("debootstrap"), "--variant=minbase", packages, "stable", str(tree)]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
        for part in ("var/cache/apt/archives", "var/lib/apt/lists"):
            shutil.rmtree(tree / part)
        # This machine's, which the package index may need.
        shutil.copy(os.environ.get("SSL_CERT_FILE", TRUSTED), tree / CERTIFICATES)
        archive = self._folder / "tree.tar"
        subprocess.run(["tar", "-C", tree, "-cf", archive, "."], check=True)
        names = ("SSL_CERT_FILE", "PIP_CERT")
        changes = [word for name in names for word in ("--change", f"ENV {name}={TRUSTED}")]
        self.podman("import", *changes, str(archive), BASE)
        archive.unlink()
        shutil.rmtree(tree)

    def build(self, project: Project, tag: str) -> str:
        """Build a project's image, and return what was printed."""
        options = ["--format", "docker", "--isolation", "chroot", "--network", "host", "--layers"]
        end = subprocess.run(
            [tool("buildah"), *self._store, "bud", *options]
            + ["--build-arg", f"BASE={BASE}", "--build-arg", f"VERSION={tag}"]
            + ["--tag", f"{project.path.name}:{tag}", str(project.path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert end.returncode == 0, end.stdout + end.stderr
        return end.stdout

    def podman(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run podman and return its end."""
        end = subprocess.run(
            [*self._podman, *words], capture_output=True, text=True, check=False, timeout=300
        )
        assert not check or end.returncode == 0, (words, end.stdout, end.stderr)
        return end

    @contextmanager
    def serving_docker(self) -> Iterator[str]:
        """Yield the address where podman answers as Docker would."""
        address = f"unix://{self._folder / 'docker.sock'}"
        command = [*self._podman, "system", "service", "--time", "0", address]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                while not (self._folder / "docker.sock").exists():
                    assert process.poll() is None
                    time.sleep(0.05)
                yield address
            finally:
                process.terminate()

    def inspect(self, image: str) -> dict[str, dict[str, object]]:
        """Return what there is to know of an image."""
        found: dict[str, dict[str, object]]
        [found] = json.loads(self.podman("inspect", image).stdout)
        return found


@dataclass(frozen=True)
class Life:
    """What a container's life took.

    Attributes:
        megabytes: the image's size.
        layers: how many it has.
        seconds: of each step, by its name.
    """

    megabytes: float
    layers: int
    seconds: dict[str, float]


def live(project: Project, images: Images) -> Life:
    """Build, wait, migrate, look, serve and stop, and check what each step does."""
    seconds: dict[str, float] = {}

    def note(what: str, start: float) -> None:
        seconds[what] = time.monotonic() - start

    subprocess.run(
        [Path(sys.executable).parent / "uv", "lock", "--quiet"], cwd=project.path, check=True
    )
    (project.path / ".env").write_text("SECRET_KEY=s3cr3t\n")
    start = time.monotonic()
    images.build(project, "1")
    note("build", start)
    (project.package / "static" / "release.txt").write_text("2\n")
    start = time.monotonic()
    images.build(project, "2")
    note("build after a change of code", start)
    first, second = (images.inspect(f"{project.path.name}:{tag}") for tag in "12")
    layers = [found["RootFS"]["Layers"] for found in (first, second)]
    assert isinstance(layers[0], list)
    assert isinstance(layers[1], list)
    # The dependencies' layer is the one before the code's.
    code = 2 if project.database == "sqlite" else 1
    assert layers[0][:-code] == layers[1][:-code]
    assert layers[0] != layers[1]
    config = second["Config"]
    labels = config["Labels"]
    assert isinstance(labels, dict)
    assert labels["org.opencontainers.image.version"] == "2"
    assert config["User"] == "10001:10001"

    name = f"{project.path.name}_{project.database}_{os.getpid()}"
    url = project.url
    volume: list[str] = []
    if project.database == "sqlite":
        url = "sqlite:///app.sqlite3"
        volume = ["--volume", f"{name}:/app/instance"]
    prefix = "FLASK_" if project.strategy == "flask-config" else ""
    variables = {f"{prefix}{name}": value for name, value in PRODUCTION.items()}
    variables[project.url_variable("production")] = url
    options = [*RESTRICTED, *volume]
    for item in variables.items():
        options += ["--env", "=".join(item)]

    def run(what: str, *command: str) -> subprocess.CompletedProcess[str]:
        start = time.monotonic()
        end = images.podman(
            "run", "--rm", *options, f"{project.path.name}:2", *command, check=False
        )
        note(what, start)
        return end

    wait = ("python", "-m", "migrator.wait", "--timeout", "0")
    assert run("wait, no schema yet", *wait).returncode == 5
    assert run("migrate", "alembic", "upgrade", "head").returncode == 0
    assert run("wait, schema there", *wait).returncode == 0
    doctor = run("doctor", "flask", "db", "doctor")
    assert (doctor.returncode, "The database is up to date" in doctor.stdout) == (0, True)
    files = run("list files", "python", "-c", FILES).stdout.split()
    assert "/app/.env" not in files
    assert not any(path.startswith("/app/tests") for path in files)
    sources = {path for path in files if path.endswith(".py")}
    compiled = {re.sub(r"__pycache__/(\w+)\.cpython-\d+\.pyc$", r"\1.py", path) for path in files}
    assert {path for path in sources if "gunicorn.conf" not in path} <= compiled

    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = ("gunicorn", "--bind", f"127.0.0.1:{port}", "wsgi:app")
    start = time.monotonic()
    images.podman("run", "--detach", "--name", name, *options, f"{project.path.name}:2", *serve)
    address = f"http://localhost:{port}"
    for _ in range(600):
        try:
            assert fetch(f"{address}/readyz")[0] == 200
            break
        except OSError:
            time.sleep(0.1)
    note("serve, until /readyz answers 200", start)
    assert fetch(f"{address}/notes/")[0] == 200
    [check] = re.findall(r'"(import urllib[^"]+)"', (project.path / "Dockerfile").read_text())
    images.podman("exec", name, "python", "-c", check.replace("8000", str(port)))
    start = time.monotonic()
    images.podman("kill", "--signal", str(int(signal.SIGTERM)), name)
    assert images.podman("wait", name).stdout.strip() == "0"
    note("stop", start)
    return Life(int(str(second["Size"])) / 1e6, len(layers[1]), seconds)
