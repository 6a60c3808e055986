"""Two releases behind one address, under load, with a migration in between."""

import http.client
import re
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Condition, Thread
from typing import Any, Self
from urllib.parse import urlencode

from .projects import Project
from .test_status import HEAD
from .test_wait import replace_in

TEXT = {"csrf": re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')}
SLOW = '''

@blueprint.get("/slow")
def slow() -> str:
    """Answer after a second."""
    import time

    time.sleep(1)
    return "done"
'''


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

    def _repeat(self, run: Callable[[], None]) -> None:
        while not (self._stopped or self.failed):
            try:
                run()
            except (OSError, http.client.HTTPException, AssertionError) as error:
                with self._changed:
                    self.failed.append(repr(error))
                    self._changed.notify_all()

    def _request(self, method: str, path: str, status: int, **more: Any) -> tuple[str, str]:
        with closing(http.client.HTTPConnection(self._host, timeout=60)) as connection:
            connection.request(method, path, **more)
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


def next_release(project: Project, folder: Path) -> Project:
    """Return the release after a project's, which changes the table that both read and write.

    Args:
        project: its database is at the example's revision. It gets a slow page, and a file that
            says which release it is.
        folder: where the new release goes.
    """
    with (project.package / "views" / "home.py").open("a") as file:
        file.write(SLOW)
    mark_release(project, "old")
    path = folder / project.path.name
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
    return new


def take_over(old: Project, new: Project, least: int) -> Load:
    """Serve the old release, migrate, and let the new one take over, under load.

    Args:
        old: its database is at its head.
        new: waits for the database, as an init container does.
        least: how many requests there are at least, in three parts: before, during and after.

    Returns:
        What the requests were answered.
    """
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
    return load
