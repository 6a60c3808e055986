"""Which revisions a part of the project is about."""

from collections.abc import Collection

from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError

from ..errors import SettingsError


def up_to(scripts: ScriptDirectory, last: str | Collection[str], attribute: str) -> set[str]:
    """Return the identifiers of the revisions `last` and of all before them.

    Args:
        scripts: the revision files.
        last: a revision, several, or none.
        attribute: of `PROJECT`, which has `last`; to be named in an error.

    Raises:
        SettingsError: there is no such revision.
    """
    revisions = [last] if isinstance(last, str) else list(last)
    if not revisions:
        return set()
    try:
        found = scripts.iterate_revisions(tuple(revisions), "base", inclusive=True)
        return {script.revision for script in found}
    except CommandError as error:
        raise SettingsError(
            f"{attribute} in PROJECT is {', '.join(revisions)}, which is no revision: {error}"
        ) from error


def are_separate(scripts: ScriptDirectory) -> bool:
    """Return whether all heads are meant: each one but one has a branch label that no other has.

    A label belongs to all revisions of its branch. So two revisions that follow the same one by
    mistake have the same labels:
    https://alembic.sqlalchemy.org/en/latest/branches.html#working-with-branch-labels

    Args:
        scripts: the revision files.
    """
    labels = [_labels(scripts.get_revision(head)) for head in scripts.get_heads()]
    others = [set[str]().union(*labels[:i], *labels[i + 1 :]) for i in range(len(labels))]
    return sum(not own - other for own, other in zip(labels, others, strict=True)) <= 1


def _labels(script: Script | None) -> set[str]:
    return set() if script is None else set(script.branch_labels)
