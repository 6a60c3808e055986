"""`flask db adopt`: puts a database that was made by other means under the migrations."""

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from ..autogenerate.comparison import differences
from ..engine import connect_as_owner
from ..project import load_project
from ..status import State, database_status


def adopt(config: Config, stamp_anyway: bool = False) -> None:
    """Compare an existing database with the models, and stamp it with head if they agree.

    Raises:
        CommandError: they differ, or there is nothing to adopt.
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
        if status.state is not State.UNSTAMPED:
            advice = f" Next: {status.command}" * bool(status.command)
            raise CommandError(f"There is nothing to adopt. {status.sentence}{advice}")
        found = differences(connection, config)
    for line in found:
        print(line)
    if found and not stamp_anyway:
        raise CommandError(
            f"The database lacks {len(found)} things that the models have, or has other ones"
            " (above): bring the two together and try again, or use --stamp-anyway."
        )
    command.stamp(config, "head")
    print(f"The database is now at {scripts.get_current_head()}.")
