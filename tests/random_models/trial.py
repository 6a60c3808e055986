"""Takes pairs of models through a generated project, and says how each ended."""

import json
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

from ..projects import Project
from ..servers import execute, new_database
from .schemas import COLUMNS, NAMES, Schema, models, pairs, smaller

ANSWERS = {"url_strategy": "env-var", "example": False, "deploy": "none"}
FORKED = "import sys; sys.path.insert(0, {folder!r}); import life; life.main({arguments!r})"
Pair = tuple[Schema, Schema]


class End(NamedTuple):
    """How the life of a pair ended: `clean`, `refused` or `failed`; at which step; and why."""

    how: str
    step: str
    why: str

    @property
    def kind(self) -> str:
        """What it has in common with other ends for the same reason, as far as can be told."""
        words = re.findall(r"[A-Za-z_]{3,}", self.why.partition("\n")[0])
        return " ".join(
            [self.step, *(word for word in words if word not in (*NAMES, *COLUMNS))][:9]
        )


class Trial:
    """A generated project without models, a database for it and one to compare with."""

    def __init__(self, project: Project, other_url: str) -> None:
        """Take over a project.

        Args:
            project: with its database.
            other_url: of the database to compare with.
        """
        self.project = project
        self._other_url = other_url
        self._module = project.package / "models" / "random.py"

    def end(self, pair: Pair) -> End:
        """Return how a pair ends."""
        for path in self.project.revisions():
            path.unlink()
        (self.project.path / "alembic" / "HEAD").unlink(missing_ok=True)
        end = End("clean", "", "")
        for half, schema in zip(("first", "second"), pair, strict=True):
            # Python would take the old bytecode for a module of the same size and second.
            shutil.rmtree(self._module.parent / "__pycache__", ignore_errors=True)
            self._module.write_text(models(schema), encoding="utf-8")
            end = self._half(half)
            if end.how != "clean":
                break
        return end

    def _half(self, which: str) -> End:
        arguments = [which, self.project.database, self.project.url, self._other_url]
        code = FORKED.format(folder=str(Path(__file__).parent), arguments=arguments)
        try:
            run = self.project.run("python", "-c", code)
        except subprocess.TimeoutExpired as error:
            return End("failed", f"{which} half", str(error))
        last = run.stdout.splitlines()[-1:]
        if run.returncode != 0 or not last:
            return End(
                "failed", f"{which} half", f"exit code {run.returncode}: {run.stderr[-2000:]}"
            )
        return End(*json.loads(last[0]))


@contextmanager
def trials(generated: Project, folder: Path) -> Iterator[Trial]:
    """Yield a trial in `folder` of a project that was generated with `ANSWERS`."""
    path = folder / generated.path.name
    shutil.copytree(generated.path, path)
    with ExitStack() as stack:
        urls = []
        for name in ("own", "other"):
            (folder / name).mkdir()
            urls.append(stack.enter_context(new_database(generated.database, folder / name)))
            if generated.database == "postgresql":
                database = urls[-1].rpartition("/")[2]
                for setting in ("statement_timeout = '10s'", "lock_timeout = '5s'"):
                    execute("postgresql", f"ALTER DATABASE {database} SET {setting}")
        yield Trial(Project(path, generated.answers, generated.bin, urls[0]), urls[1])


def examples(database: str, count: int, number: int) -> list[Pair]:
    """Return pairs, the same for the same seed.

    Args:
        database: as the answer is called.
        count: how many.
        number: the seed.
    """
    return [pairs(Random(f"{number}-{index}"), database) for index in range(count)]


def reduced(trial: Trial, pair: Pair, end: End, deadline: float) -> tuple[Pair, End]:
    """Return what is left of a pair that fails, with what is not needed for that taken out.

    Args:
        trial: where.
        pair: fails.
        end: how.
        deadline: on the monotonic clock, when to give up.
    """
    candidates = smaller(pair)
    while time.monotonic() < deadline and (candidate := next(candidates, None)):
        if candidate != pair and (new_end := trial.end(candidate)).kind == end.kind:
            pair, end = candidate, new_end
            candidates = smaller(pair)
    return pair, end


def report(trial: Trial, count: int, number: int, patience: float) -> tuple[Counter[str], str]:
    """Try pairs, and return how many ended how, and the text for a person.

    Args:
        trial: where.
        count: how many pairs.
        number: the seed.
        patience: seconds to reduce the failures, the most frequent kind first.
    """
    database = trial.project.database
    started = time.monotonic()
    ends = [(pair, trial.end(pair)) for pair in examples(database, count, number)]
    seconds = (time.monotonic() - started) / len(ends)
    kinds = Counter(end.kind for _, end in ends if end.how == "failed")
    text = [f"refused: {end.why}" for _, end in ends if end.how == "refused"]
    deadline = time.monotonic() + patience
    for kind, times in kinds.most_common():
        first = next((pair, end) for pair, end in ends if end.kind == kind)
        pair, end = reduced(trial, *first, deadline)
        text.append(f"\n=== {times} times: {end.step}\n{end.why}")
        text.append(f"--- before\n{models(pair[0])}\n--- after\n{models(pair[1])}")
    counts = Counter(end.how for _, end in ends)
    text.append(
        f"{database}, seed {number}: {len(ends)} pairs, {counts['clean']} clean,"
        f" {counts['refused']} refused, {counts['failed']} failed; {seconds:.2f} s each"
    )
    return counts, "\n".join(text)
