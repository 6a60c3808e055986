"""`alembic/HEAD` names the newest revision: two branches that each add one conflict in git.

Every new revision writes it; by hand: `python -m migrator.revisions.head`.
"""

import ast
import os
import re
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import SettingsError
from ..paths import INI, ROOT

# Read, not imported: Alembic takes half a second to start.
_IDENTIFIER = re.compile(r"^(revision|down_revision)\b[^=\n]*=\s*(\([^)]*\)|.*)$", re.MULTILINE)
_SEPARATORS = {"os": os.pathsep, "space": None, "newline": "\n"}


# Not a dataclass: that would import `inspect`, for a tenth of the time of `python -m migrator.wait`.
class History(NamedTuple):
    """Where the revisions of one database are.

    Attributes:
        folders: what holds the revision files.
        recursive: whether their subfolders do too.
        head: the file that names the newest revision.
    """

    folders: tuple[Path, ...]
    recursive: bool
    head: Path

    def files(self) -> Iterator[Path]:
        """Yield the revision files."""
        for folder in self.folders:
            for path in folder.rglob("*.py") if self.recursive else folder.glob("*.py"):
                if not path.name.startswith(("__init__", ".#")):
                    yield path


class Revision(NamedTuple):
    """A revision's file, and the revisions that it follows."""

    path: Path
    follows: tuple[str, ...]


def history(section: str = "alembic") -> History:
    """Return where a section of alembic.ini has its revisions.

    Args:
        section: `alembic`, or the name behind `alembic -n`.

    Raises:
        SettingsError: there is no such section.
    """
    ini = ConfigParser({"here": str(ROOT).replace("%", "%%")})
    ini.read(INI, encoding="utf-8")
    if not ini.has_option(section, "script_location"):
        raise SettingsError(f"{INI} has no section [{section}] with a script_location.")
    separator = ini.get(section, "path_separator", fallback="os")
    locations = ini.get(section, "version_locations", fallback="").strip()
    script_location = ROOT / ini.get(section, "script_location")
    default = str(script_location / "versions")
    found = locations.split(_SEPARATORS.get(separator, separator)) if locations else [default]
    folders = tuple(ROOT / folder.strip() for folder in found if folder.strip())
    recursive = ini.getboolean(section, "recursive_version_locations", fallback=False)
    # A second database shares the first one's env.py, and so its folder.
    beside = script_location if section == "alembic" else folders[0].parent
    return History(folders, recursive, beside / "HEAD")


def sections() -> list[str]:
    """Return the sections of alembic.ini that have revisions, one for each database."""
    ini = ConfigParser(interpolation=None)
    ini.read(INI, encoding="utf-8")
    return [name for name in ini.sections() if ini.has_option(name, "script_location")]


def newest(history: History) -> str:
    """Return the file's text: the newest revision, or `base` when there is no revision.

    Several newest revisions have a line each, until `alembic merge` or `flask db rebase` puts
    them in a row.

    Args:
        history: where the revision files are.

    Raises:
        SettingsError: a file cannot be read; the message names it.
    """
    found = revisions(history)
    followed = {before for revision in found.values() for before in revision.follows}
    return "\n".join(sorted(found.keys() - followed)) or "base"


def write() -> None:
    """Write the files of all sections of alembic.ini."""
    for section in sections():
        where = history(section)
        where.head.write_text(newest(where) + "\n", encoding="utf-8")


def revisions(history: History) -> dict[str, Revision]:
    """Return what the files say of each revision.

    Args:
        history: where the revision files are.

    Raises:
        SettingsError: a file cannot be read; the message names it.
    """
    found = {}
    for path in history.files():
        revision, before = _identifiers(path)
        if revision is not None:
            follows = (before,) if isinstance(before, str) else tuple(before or ())
            found[revision] = Revision(path, follows)
    return found


def _identifiers(path: Path) -> tuple[str | None, Any]:
    """Return `revision` and `down_revision` of a file; None for `revision` where it has none."""
    try:
        text = path.read_text(encoding="utf-8")
        found = dict(_IDENTIFIER.findall(text))
        try:
            values = {name: ast.literal_eval(value) for name, value in found.items()}
        except (ValueError, SyntaxError):
            # Slower, but it also knows names and lines that go on.
            values = _constants(ast.parse(text, path))
    except (ValueError, SyntaxError) as error:
        raise SettingsError(
            f"{path} cannot be read: {error}; its revision and down_revision have to be written out."
        ) from error
    return values.get("revision"), values.get("down_revision")


def _constants(tree: ast.Module) -> dict[str, Any]:
    """Return the module's names that have a text, several, or None for a value."""
    known: dict[str, Any] = {}

    def value_of(node: ast.expr) -> Any:
        match node:
            case ast.Name(id=name) if name in known:
                return known[name]
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return tuple(value_of(part) for part in parts)
        return ast.literal_eval(node)

    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                continue
        try:
            known[name] = value_of(value)
        except ValueError:
            if name in ("revision", "down_revision"):
                raise
    return known


if __name__ == "__main__":
    ArgumentParser("python -m migrator.revisions.head", description=__doc__).parse_args()
    try:
        write()
    except SettingsError as problem:
        sys.exit(f"Error: {problem}")
