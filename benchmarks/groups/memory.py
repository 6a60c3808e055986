"""Memory: the peak of a command, and what a process of gunicorn takes for itself.

The peak is the largest resident set. Of four processes that share what they loaded before they
forked, a process's part is its proportional set (PSS), after 200 requests for a page with SELECTs.
The targets are what the commands and processes took on 2026-11-25.

`flask db doctor` imports the app, which since then logs requests, sets headers and has error pages:
importing those three modules takes 1.9 MiB, Flask-WTF 1.1, the rest of the app 0.4.
"""

import re
import statistics
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.projects import DATABASES, Project

from ..lines import Line
from ..workshop import Workshop
from .pages import BIND, serving

# From a small process: a forked one starts with the size of the process that forks it.
PEAK = """
import resource, subprocess
subprocess.run({words!r}, check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
"""
COMMANDS = {
    "alembic upgrade head": {"sqlite": 57, "postgresql": 65, "mysql": 67},
    "flask db doctor": {"sqlite": 66, "postgresql": 75, "mysql": 76},
}
WORKER = {"sqlite": 26, "postgresql": 29, "mysql": 30}
WORKERS, REQUESTS = 4, 200


def lines(workshop: Workshop) -> Iterator[Line]:
    """Yield a line for each database and command, and one for its worker."""
    for database in DATABASES:
        project = workshop.ours(database)
        project.ok("alembic", "upgrade", "head")
        for words, targets in COMMANDS.items():
            peaks = [
                {"MiB peak": _whole(float(project.python(PEAK.format(words=words.split()))))}
                for _ in range(workshop.rounds)
            ]
            yield Line.of(f"`{words}` at head, {database}", peaks, target=targets[database])
        parts = [{"MiB PSS": _whole(_worker(project))} for _ in range(workshop.rounds)]
        yield Line.of(
            f"a process of gunicorn, of {WORKERS}, {database}", parts, target=WORKER[database]
        )


def _whole(mebibytes: float) -> float:
    """Return the figure as exact as the targets are."""
    return float(round(mebibytes))


def _worker(project: Project) -> float:
    """Return the median PSS of the processes that serve the project, in MiB."""
    words = ("gunicorn", "wsgi:app", "--bind", BIND, "--workers", str(WORKERS))
    with serving(project, words) as pid:
        for _ in range(REQUESTS):
            urllib.request.urlopen(f"http://{BIND}/notes/", timeout=20).close()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
        assert len(children) == WORKERS, children
        return statistics.median(_pss(child) for child in children)


def _pss(pid: str) -> float:
    found = re.search(
        r"^Pss: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE
    )
    assert found is not None
    return int(found[1]) / 1024
