"""Databases that the tests keep, so that only new revisions run. Only `testing` uses this.

A kept database has a name by all that built it: a digest of the texts of its revisions, from the
oldest one on, and of what else they depend on. A longer history upgrades a copy of it.
"""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from graphlib import TopologicalSorter
from hashlib import sha256
from pathlib import Path

from sqlalchemy import URL

from .dialect import throwaway
from .exclusion import locked
from .paths import INI, ROOT
from .revisions.head import history, revisions

MOST = 4  # databases: those of a few branches of the code

# What a revision does with anything but its own text and its own database.
_READS_MORE = (
    r"\b(environ|getenv|open\(|read_text|read_bytes|current_app|import_module|__import__"
    r"|ALTER\s+(DATABASE|SYSTEM)|ON\s+DATABASE)"
)


class Keeper:
    """The kept databases of one project. A file for each has the names of tests that it passed."""

    def __init__(self, folder: Path | None, base: URL, package: str) -> None:
        """Find out which databases would be of use.

        Args:
            folder: has the files; None keeps nothing. Nothing is kept either of a history with a
                revision that reads anything but its own text.
            base: where databases are made.
            package: the app's package.
        """
        self._keeps = folder is not None and _are_known_by_their_text()
        self._folder, self._base = folder or Path(os.devnull), base
        found = dict(sorted(revisions(history()).items()))
        follows = {name: revision.follows for name, revision in found.items()}
        before = [name for followed in follows.values() for name in followed]
        # With branches, what is new need not come after what has passed a test.
        self._is_row = len(before) == len({*before}) == len(found) - 1
        depends_on = [throwaway.server_text(base), *_installed(), *_files(package)]
        digest = sha256("\n".join(depends_on).encode())
        self._newest = digest.hexdigest()[:16]
        # By the newest revision of each database, the oldest one first.
        self._names: dict[str, str] = {}
        for name in TopologicalSorter(follows).static_order():
            digest.update(_digest(found[name].path) if name in found else b"")
            self._names[name] = self._newest = digest.hexdigest()[:16]

    def migrated(self, new: Callable[[URL | None], URL], upgrade: Callable[[URL], None]) -> URL:
        """Return a new database at the newest revisions.

        Args:
            new: makes a database, empty or a copy.
            upgrade: runs all revisions that a database lacks.
        """
        if not self._keeps or not throwaway.COPIES:
            url = new(None)
            upgrade(url)
            return url
        with locked(self._folder):
            self._forget(self._folder.glob("*.wrong"))
            kept = [self._url(name) for name in self._names.values() if self._has_passed(name)]
            url = new(kept[-1] if kept else None)
            if not self._has_passed(self._newest):
                upgrade(url)
                # What is there was left by a copy that was killed.
                throwaway.drop(self._url(self._newest))
                throwaway.make(self._url(self._newest), url)
            # The file's time says when it was used.
            self._file(self._newest).touch()
            files = sorted(self._folder.glob("*.kept"), key=os.path.getmtime, reverse=True)
            self._forget(files[MOST:])
        return url

    def start(self, test: str) -> tuple[str, URL] | None:
        """Return the newest revision that has passed a test with all before it, if one has.

        Args:
            test: what was tested.

        Returns:
            The revision, and a kept database at it; None also where the history has branches.
        """
        if self._is_row:
            for revision, name in reversed(self._names.items()):
                if self._has_passed(name, test):
                    return revision, self._url(name)
        return None

    def passed(self, test: str) -> None:
        """Note that all revisions have passed a test, if their database is kept."""
        is_kept = self._has_passed(self._newest) or not throwaway.COPIES
        if self._keeps and is_kept and not self._has_passed(self._newest, test):
            with self._file(self._newest).open("a", encoding="utf-8") as file:
                file.write(f"{test}\n")

    def _has_passed(self, name: str, test: str = "") -> bool:
        """Return whether a database is kept, and has passed a test if one is named."""
        file = self._file(name)
        return file.exists() and (not test or test in file.read_text(encoding="utf-8").splitlines())

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.kept"

    def _url(self, name: str) -> URL:
        return throwaway.kept_url(self._base, self._folder, name)

    def _forget(self, files: Iterable[Path]) -> None:
        for file in files:
            throwaway.drop(self._url(file.stem))
            file.unlink()


def distrust(folder: Path) -> None:
    """Have the databases of a folder built again: they are dropped when somebody needs one."""
    for file in folder.glob("*.kept"):
        file.replace(file.with_suffix(".wrong"))


def _are_known_by_their_text() -> bool:
    own = {path.stem for path in ROOT.iterdir() if path.is_dir() or path.suffix == ".py"}
    names = "|".join(map(re.escape, own - {"alembic", "migrator"}))
    more = re.compile(
        rf"{_READS_MORE}|^\s*(from|import)\b.*\b({names})\b", re.IGNORECASE | re.MULTILINE
    )
    texts = (path.read_text("utf-8", "replace") for path in history().files())
    return not any(more.search(text) for text in texts)


def _files(package: str) -> Iterator[str]:
    """Yield a digest of each file that every revision may depend on."""
    others = {*history().files(), history().head}
    folders = (ROOT / "alembic", ROOT / "migrator", ROOT / package / "database")
    for path in sorted({INI, *(path for folder in folders for path in folder.rglob("*"))}):
        if path.is_file() and path not in others and "__pycache__" not in path.parts:
            yield f"{path} {_digest(path).hex()}"


def _installed() -> Iterator[str]:
    """Yield Python's version, and the name and version of every installed package."""
    yield sys.version
    for entry in sys.path:
        yield from sorted(path.name for path in Path(entry or ".").glob("*.dist-info"))


def _digest(path: Path) -> bytes:
    return sha256(path.read_bytes()).digest()
