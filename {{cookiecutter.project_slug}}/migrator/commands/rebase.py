"""`flask db rebase`: this branch's new revisions, moved on top of the main branch's."""

import re
from importlib.util import cache_from_source
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from ..engine import connect_as_owner
from ..project import load_project
from ..revisions import head
from ..revisions.base import MAIN_BRANCHES, head_at
from ..revisions.selecting import rival_heads
from ..status import current_revisions

_DOWN_REVISION = re.compile(r"""^(down_revision\b[^=\n]*= *)(None|"[^"]+"|'[^']+')""", re.MULTILINE)


def rebase(config: Config, branch: str | None = None) -> None:
    """Move this branch's new revisions on top of the main branch's.

    The main branch has to be merged already, or be what git is rebasing onto, conflicts or
    not: both lines of revisions are then in the working tree.

    Args:
        config: Alembic's configuration.
        branch: the main branch, as git knows it; `MAIN_BRANCHES` when not given.

    Raises:
        CommandError: there is nothing to move, it is not clear what to move, it has been
            applied to the database, or the database cannot be asked.
    """
    scripts = ScriptDirectory.from_config(config)
    heads = rival_heads(scripts)
    if len(heads) != 2:
        raise CommandError(
            "Nothing to rebase: that takes two heads of one branch, and here are"
            f" {len(heads) or len(scripts.get_heads())} ({', '.join(heads or scripts.get_heads())})."
        )
    section = config.config_ini_section
    onto = _published_head(heads, (branch,) if branch else MAIN_BRANCHES, section)
    [moving] = set(heads) - {onto}
    published = {script.revision for script in scripts.iterate_revisions(onto, "base")}
    new = [s for s in scripts.iterate_revisions(moving, "base") if s.revision not in published]
    first = new[-1]
    if any(isinstance(script.down_revision, tuple) for script in new):
        raise CommandError("Merged revisions do not move: join both heads with alembic merge heads")
    if applied := {script.revision for script in new} & _applied(config, scripts):
        raise CommandError(
            f"The database has {', '.join(sorted(applied))}, which would move; take it back first:"
            f" alembic downgrade {first.down_revision or 'base'}"
        )
    _rewrite(Path(first.path), onto)
    head.write()
    config.print_stdout("%s now follows %s; alembic/HEAD is %s", first.revision, onto, moving)


def _published_head(heads: list[str], branches: tuple[str, ...], section: str) -> str:
    """Return the one of `heads` that the first of `branches` to have one has as a newest revision."""
    for branch in branches:
        published = head_at(branch, section).split()
        for revision in heads:
            if revision in published:
                return revision
    raise CommandError(
        f"alembic/HEAD is neither {' nor '.join(heads)} on {', '.join(branches)}. Merge the main"
        " branch first, or name another: flask db rebase BRANCH. Or join both heads: alembic"
        " merge heads"
    )


def _applied(config: Config, scripts: ScriptDirectory) -> set[str]:
    """Return the revisions that the database has."""
    project = load_project(config)
    with project.context(None), connect_as_owner(project) as connection:
        current = current_revisions(connection, project)
    # An error, if one has no file.
    scripts.get_revisions(current)
    return {script.revision for script in scripts.iterate_revisions(current, "base")}


def _rewrite(path: Path, onto: str) -> None:
    text = path.read_text(encoding="utf-8")
    text, count = _DOWN_REVISION.subn(rf'\1"{onto}"', text)
    if count != 1:
        raise CommandError(f"{path} has no line down_revision = …, or several.")
    text = re.sub(r"^Revises:.*$", f"Revises: {onto}", text, count=1, flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")
    # Python would take it for the new file's if that is as long, and written in the same second.
    Path(cache_from_source(str(path))).unlink(missing_ok=True)
