"""Pages under load: gunicorn as configured, against other servers of the same app.

`wrk` asks over 8 connections for 2 seconds. Each server has as many processes as there are cores, as
configured, but waitress, which has one. The page with one SELECT lists the notes; the database is
PostgreSQL, on the same machine, as `wrk` is.

Where gevent is faster on that page, it is because a process of it goes on with another request while
PostgreSQL answers. It is not what is configured: it patches the standard library for the whole process,
and one page that computes holds up all others of its process.

All servers run the same app, so what the app does is no part of a ratio. The page makes five round
trips: the pool's ping, BEGIN, two SELECTs, ROLLBACK; waiting for them is 70 % of a request (cProfile, on a
busy machine). Of the rest, the template is 25 %, the session of the form's token 11 %, the line in the
log 7 % and the headers 1 %. There, in 4 rounds in turn, a request took 6.3 ms of CPU time as configured,
6.2 with gevent and with granian, and 5.8 with synchronous processes. Threads hand the interpreter's lock on
at each round trip. To do so sooner (`sys.setswitchinterval` of 0.5 and 0.1 ms, in turn), or 4 or 16 threads, made
that page no faster. Threads are there for slow clients, who hold a synchronous process each.
"""

import os
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from tests.projects import Project

from ..lines import Line
from ..measuring import Measure, Side, in_turn, medians
from ..workshop import Workshop

BIND = "127.0.0.1:8377"
HOST, PORT = BIND.split(":")
WORKERS = str(os.cpu_count())
GUNICORN = ("gunicorn", "wsgi:app", "--bind", BIND, "--workers", WORKERS, "--worker-class")
SERVERS = {
    "gunicorn as configured": ("gunicorn", "wsgi:app", "--bind", BIND),
    "gunicorn sync": (*GUNICORN, "sync"),
    "gunicorn gthread, 4 threads": (*GUNICORN, "gthread", "--threads", "4"),
    "gunicorn gevent": (*GUNICORN, "gevent"),
    "granian": (
        *("granian", "--interface", "wsgi", "--host", HOST, "--port", PORT),
        *("--workers", WORKERS, "--log-level", "error", "wsgi:app"),
    ),
    "waitress, 4 threads": ("waitress-serve", f"--listen={BIND}", "wsgi:app"),
}
PAGES = {"/healthz": None, "/notes/": 0.95}
MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def lines(workshop: Workshop) -> Iterator[Line]:
    """Yield a line for each page and server."""
    project = workshop.ours("postgresql")
    project.ok("alembic", "upgrade", "head")
    project.sql("INSERT INTO note (text) SELECT 'note ' || n FROM generate_series(1, 10) n")
    for page, target in PAGES.items():
        runs = in_turn(
            [Side(name, partial(_load, project, words, page)) for name, words in SERVERS.items()],
            workshop.rounds,
        )
        ours = runs.pop("gunicorn as configured")
        rates = {name: medians(measured)["requests/s"] for name, measured in runs.items()}
        best = max(rates, key=rates.__getitem__)
        for name, theirs in runs.items():
            yield Line.of(
                f"{page}, requests per second",
                ours,
                f"{name} (the best)" if name == best else name,
                theirs,
                target if name == best else None,
                more_is_better=True,
            )


def _load(project: Project, words: tuple[str, ...], page: str) -> Measure:
    """Serve the project with a command and return what wrk measures."""
    wrk = shutil.which("wrk")
    assert wrk is not None, "wrk is missing: apt-get install wrk"
    with serving(project, words):
        load = (wrk, "--threads", "1", "--connections", "8", "--latency")
        # What a server does for the first time is not what is measured.
        subprocess.run(
            [*load, "--duration", "1", f"http://{BIND}{page}"], check=True, capture_output=True
        )
        printed = subprocess.run(
            [*load, "--duration", "2", f"http://{BIND}{page}"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    assert "Non-2xx" not in printed, printed
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    slowest = re.search(r"99%\s+([\d.]+)(us|ms|s)", printed)
    assert rate is not None, printed
    assert slowest is not None, printed
    return {
        "requests/s": float(rate[1]),
        "ms p99": float(slowest[1]) * MILLISECONDS[slowest[2]],
    }


@contextmanager
def serving(project: Project, words: tuple[str, ...]) -> Iterator[int]:
    """Serve a project with a command that binds `BIND`, and yield the process's id."""
    process = subprocess.Popen(
        words,
        cwd=project.path,
        env=project.variables(ENVIRONMENT="development"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                urllib.request.urlopen(f"http://{BIND}/healthz", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, f"{words} exited {process.returncode}"
                assert time.monotonic() < deadline, f"{words} does not answer"
                time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)
