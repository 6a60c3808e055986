"""`flask db adopt`: puts a database that was made by other means under the migrations."""

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from ..autogenerate.comparison import differences
from ..engine import connect_as_owner
from ..project import load_project
from ..status import State, Status, database_status

# How the models are compared with a database that no one has noted a revision in, or an unknown one.
_COMPARED = (State.UNSTAMPED, State.AHEAD)


def adopt(config: Config, stamp_anyway: bool = False) -> None:
    """Say how an existing database was made, and note its revision if the models agree with it.

    - Its revision is one of the files: nothing is noted, it is under the migrations already.
    - A squash has replaced its revision: the one that replaces it is noted.
    - No revision is noted: the newest one is, if the database is what the models say.
    - Its revision has no file: the same, but only with `--stamp-anyway`, because a newer release
      may have made it.

    Raises:
        CommandError: the database differs, or it is not clear what to note.
        SettingsError: the database's URL is missing or wrong.
    """
    scripts = ScriptDirectory.from_config(config)
    if not scripts.get_heads():
        raise CommandError(
            "There is no revision to adopt it with. Write the first one on an empty database:"
            ' alembic revision --autogenerate -m "create all tables"'
        )
    project = load_project(config)
    with project.context(None), connect_as_owner(project) as connection:
        status = database_status(connection, scripts, project)
        lines = differences(connection, config, scripts).lines if status.state in _COMPARED else []
    print(status.sentence)
    doctor = project.command("flask db doctor")
    revisions = _to_note(status, lines, stamp_anyway)
    if not revisions:
        print(f"There is nothing to note. Next: {status.command or doctor}")
        return
    # Whatever stands there now is replaced: it has no file.
    command.stamp(config, list(revisions), purge=True)
    print(f"Noted: the database is at {', '.join(revisions)}. Next: {doctor}")


def _to_note(status: Status, lines: list[str], stamp_anyway: bool) -> tuple[str, ...]:
    """Return the revisions to note; none where the right ones are there.

    `lines` say how the database differs from the models, where they are compared.
    """
    if status.state in (State.UP_TO_DATE, State.BEHIND):
        return ()
    if status.state is State.SQUASHED and status.is_complete:
        return (*status.kept, status.replacement)
    if status.state not in _COMPARED:
        raise CommandError(
            "There is nothing to adopt." + f" Next: {status.command}" * bool(status.command)
        )
    for line in lines:
        print(f"  {line}")
    if stamp_anyway:
        return status.heads
    if lines:
        raise CommandError(
            f"To be what the models say, the database needs {len(lines)} operations (above): bring"
            " the two together and try again, or use --stamp-anyway."
        )
    print("It is what the models say.")
    if status.state is State.AHEAD:
        raise CommandError(
            "If its revision was deleted from this code, and no newer release has made it, note"
            f" {', '.join(status.heads)} with --stamp-anyway. Else next: {status.command}"
        )
    return status.heads
