"""Which revisions a part of the project is about."""

from collections import Counter
from collections.abc import Collection

from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError

from ..errors import SettingsError


def listed(revisions: str | Collection[str]) -> list[str]:
    """Return one revision, several or none as a list."""
    return [revisions] if isinstance(revisions, str) else list(revisions)


def up_to(scripts: ScriptDirectory, last: str | Collection[str], attribute: str) -> set[str]:
    """Return the identifiers of the revisions `last` and of all before them.

    Args:
        scripts: the revision files.
        last: a revision, several, or none.
        attribute: of `PROJECT`, which has `last`; to be named in an error.

    Raises:
        SettingsError: there is no such revision.
    """
    revisions = listed(last)
    if not revisions:
        return set()
    try:
        found = scripts.iterate_revisions(tuple(revisions), "base", inclusive=True)
        return {script.revision for script in found}
    except (CommandError, RevisionError) as error:
        raise SettingsError(
            f"{attribute} in PROJECT is {', '.join(revisions)}, which is no revision: {error}"
        ) from error


def rival_heads(scripts: ScriptDirectory) -> list[str]:
    """Return the heads that are not meant to be several; none where all are.

    Heads with different branch labels are meant. A label belongs to all revisions of its branch,
    so two revisions that follow the same one by mistake have the same labels, or both have none:
    https://alembic.sqlalchemy.org/en/latest/branches.html#working-with-branch-labels

    Args:
        scripts: the revision files.
    """
    labels = {head: _labels(scripts.get_revision(head)) for head in scripts.get_heads()}
    count = Counter(labels.values())
    return [head for head, own in labels.items() if count[own] > 1]


def replaced_by(scripts: ScriptDirectory, gone: Collection[str]) -> tuple[str, bool]:
    """Return which revision replaces those of a squash, and whether a database has all of it.

    A revision that replaces others names them, in the order in which they applied:
    `replaces = ("4f1c0a", "9be27d")`.

    Args:
        scripts: the revision files.
        gone: the revisions that a database is at, and that have no file.

    Returns:
        The replacement, "" where none names them; and whether its last one is among `gone`.
    """
    for script in scripts.walk_revisions():
        replaced = getattr(script.module, "replaces", ())
        if replaced and set(gone) <= set(replaced):
            return script.revision, replaced[-1] in gone
    return "", False


def _labels(script: Script | None) -> frozenset[str]:
    return frozenset() if script is None else frozenset(script.branch_labels)
