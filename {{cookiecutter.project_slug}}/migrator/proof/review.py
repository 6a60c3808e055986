"""What the tests ask a review of: what old code may not survive, and what stops writers for long."""

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from ..dialect.measuring import MEASURES_LOCKS, unmeasured
from ..paths import ROOT
from ..project import load_project
from ..revisions import unsafe
from ..revisions.selecting import up_to
from .recorder import Statement, measured


def findings(config: Config, connection: Connection) -> list[str]:
    """Return `file:line: what it does` for each operation that nobody has reviewed.

    Revisions up to `Project.baseline` are not judged.

    Args:
        config: Alembic's configuration, of this project.
        connection: to a database that is upgraded. The locks of revisions that it has are not
            measured.

    Raises:
        SettingsError: the baseline is no revision.
    """
    project = load_project(config)
    scripts = ScriptDirectory.from_config(config)
    old = up_to(scripts, project.baseline, "baseline")
    new = [script for script in scripts.walk_revisions() if script.revision not in old]
    new.sort(key=lambda script: script.path)
    found = unsafe.findings(new, project, connection.dialect.name, unmeasured)
    if MEASURES_LOCKS:
        found += [
            _sentence(statement)
            for statement in measured(connection, project.section, new)
            if statement.stopped
            and not unsafe.is_reviewed(str(ROOT / statement.path), *statement.lines)
        ]
    return found


def _sentence(statement: Statement) -> str:
    # A table that an earlier statement holds may be touched again.
    locks = ", ".join(dict.fromkeys(f"{e.table} ({e.lock})" for e in statement.stopped))
    work = ", ".join(
        f"{effect.work} of {effect.table}" for effect in statement.effects if effect.work
    )
    safer = f" Safer: {statement.safe_form}." if statement.safe_form else ""
    return (
        f"{statement.path}:{statement.lines[0]}: stops writers of {locks} for as long as a table is"
        f" large ({work}): {statement.sql}.{safer}"
    )
