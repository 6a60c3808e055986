"""Databases that the tests keep: revisions build one, and later runs copy it. Only `testing` uses this.

A kept database fits the texts of the revisions that built it. A project that has them all, and
perhaps newer ones, upgrades a copy. If one of them was changed or is gone, nothing of it is used.
"""

import json
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL

from .dialect import throwaway
from .exclusion import locked
from .paths import INI, ROOT
from .revisions.head import follows, history

MOST = 4  # databases: those of a few branches of the code

# What a revision does with anything but its own text and its own database.
_READS_MORE = re.compile(
    r"\b(environ|getenv|open\(|read_text|read_bytes|current_app|import_module|__import__"
    r"|ALTER\s+(DATABASE|SYSTEM)|ON\s+DATABASE)",
    re.IGNORECASE,
)
_IMPORT = re.compile(r"^\s*(?:from|import)\s+(.*)", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """A kept database.

    Attributes:
        name: which it is.
        surroundings: a digest of all but the revisions that it depends on.
        revisions: a digest of each revision file.
        head: the newest revision; empty if they are not one row.
        is_built: whether the revisions have run to the end.
        passed: what tests have found to be right of all of them.
    """

    name: str
    surroundings: str
    revisions: list[str]
    head: str
    is_built: bool = False
    passed: tuple[str, ...] = ()


class Keeper:
    """The kept databases of one project."""

    def __init__(self, folder: Path, base: URL, surroundings: str) -> None:
        """Keep databases.

        Args:
            folder: has a file about each.
            base: where databases are made.
            surroundings: what they depend on beside the revisions.
        """
        self._folder, self._surroundings = folder, surroundings
        self._url = partial(throwaway.kept_url, base, folder)
        self._revisions = sorted(_digest(path.read_bytes()) for path in history().files())
        found = follows(history())
        before = [revision for followed in found.values() for revision in followed]
        # Empty where the revisions are not one row.
        is_row = len(before) == len({*before}) == len(found) - 1
        self._head = "".join(found.keys() - {*before}) if is_row else ""

    def at_head(self, upgrade: Callable[[URL], None]) -> URL:
        """Return a database at the newest revisions, to be copied.

        Args:
            upgrade: runs all revisions that a database lacks.
        """
        with locked(self._folder):
            entry = self._best(self._entries())
            if entry is None or entry.revisions != self._revisions:
                source = None if entry is None else self._url(entry.name)
                entry = self._new()
                # First, so that the next process finds it if this one is killed.
                self._write(entry)
                url = self._url(entry.name)
                throwaway.make(url, source)
                upgrade(url)
                throwaway.seal(url)
                entry = replace(entry, is_built=True)
            # Once more if it was there: the file's time says when it was used.
            self._write(entry)
            self._forget(self._entries()[MOST:])
            return self._url(entry.name)

    def start(self, test: str) -> tuple[str, URL] | None:
        """Return the newest revision that has passed a test with all before it, if one has.

        Args:
            test: what was tested.

        Returns:
            The revision, and a database at it, to be copied. None where there is none, or where
            the history has branches, so that newer revisions may not come after it.
        """
        if not self._head:
            return None
        with locked(self._folder):
            entry = self._best([entry for entry in self._entries() if test in entry.passed])
        return None if entry is None else (entry.head, self._url(entry.name))

    def passed(self, test: str) -> None:
        """Note that all revisions have passed a test."""
        if not self._head:
            return
        with locked(self._folder):
            entry = self._best(self._entries())
            if entry is None or entry.revisions != self._revisions:
                if throwaway.COPIES:
                    # No test has needed a database at these revisions: there is none to copy.
                    return
                entry = replace(self._new(), is_built=True)
            self._write(replace(entry, passed=tuple({*entry.passed, test})))

    def forget_all(self) -> None:
        """Drop all kept databases."""
        with locked(self._folder):
            self._forget(self._entries())

    def _new(self) -> Entry:
        name = secrets.token_hex(4)
        return Entry(name, self._surroundings, self._revisions, self._head)

    def _best(self, entries: list[Entry]) -> Entry | None:
        """Return the entry with the most revisions of those that have no others."""
        usable = [
            entry
            for entry in entries
            if entry.surroundings == self._surroundings and {*entry.revisions} <= {*self._revisions}
        ]
        return max(usable, key=lambda entry: len(entry.revisions), default=None)

    def _entries(self) -> list[Entry]:
        """Return the entries, the last used one first. One that is not built was left by a crash."""
        files = sorted(self._folder.glob("*.json"), key=os.path.getmtime, reverse=True)
        entries = [Entry(**json.loads(path.read_text(encoding="utf-8"))) for path in files]
        self._forget([entry for entry in entries if not entry.is_built])
        return [entry for entry in entries if entry.is_built]

    def _forget(self, entries: list[Entry]) -> None:
        for entry in entries:
            throwaway.drop(self._url(entry.name))
            (self._folder / f"{entry.name}.json").unlink()

    def _write(self, entry: Entry) -> None:
        unfinished = self._folder / entry.name
        unfinished.write_text(json.dumps(asdict(entry)), encoding="utf-8")
        unfinished.replace(self._folder / f"{entry.name}.json")


@contextmanager
def opened(folder: Path | None, base: URL, package: str) -> Iterator[Keeper]:
    """Yield what keeps the project's databases.

    Args:
        folder: where; None keeps them as long as this lasts only. So does a history with a
            revision that reads anything but its own text.
        base: where databases are made.
        package: the app's package.
    """
    with TemporaryDirectory() as temporary:
        kept = folder if folder is not None and _are_known_by_their_text() else Path(temporary)
        depends_on = [throwaway.server_text(base), *_installed()]
        keeper = Keeper(kept, base, _digest("\n".join([*depends_on, *_files(package)]).encode()))
        yield keeper
        if kept != folder:
            keeper.forget_all()


def distrust(folder: Path) -> None:
    """Have the databases of a folder built again: they are dropped when somebody looks for one."""
    with locked(folder):
        for path in folder.glob("*.json"):
            entry = json.loads(path.read_text(encoding="utf-8"))
            path.write_text(json.dumps(entry | {"is_built": False}), encoding="utf-8")


def _are_known_by_their_text() -> bool:
    own = {path.stem for path in ROOT.iterdir() if path.is_dir() or path.suffix == ".py"}
    own -= {"alembic", "migrator"}
    for path in history().files():
        text = path.read_text(encoding="utf-8", errors="replace")
        imported = {word for names in _IMPORT.findall(text) for word in re.findall(r"\w+", names)}
        if _READS_MORE.search(text) or imported & own:
            return False
    return True


def _files(package: str) -> Iterator[str]:
    """Yield a digest of each file that every revision may depend on."""
    others = {*history().files(), history().head}
    folders = (ROOT / "alembic", ROOT / "migrator", ROOT / package / "database")
    for path in sorted({INI, *(path for folder in folders for path in folder.rglob("*"))}):
        if path.is_file() and path not in others and "__pycache__" not in path.parts:
            yield f"{path} {_digest(path.read_bytes())}"


def _installed() -> Iterator[str]:
    """Yield Python's version, and the name and version of every installed package."""
    yield sys.version
    for entry in sys.path:
        yield from sorted(path.name for path in Path(entry or ".").glob("*.dist-info"))


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()
