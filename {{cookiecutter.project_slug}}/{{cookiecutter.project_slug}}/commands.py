"""`flask db …`: Alembic's own command line."""

import sys
from contextlib import suppress
from contextvars import Context, copy_context

import click
from flask import Flask
from migrator.errors import SettingsError

from .settings import INSTANCE


@click.command(
    # Every word after `db`, `--help` included, is Alembic's.
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def db(arguments: tuple[str, ...]) -> None:
    """Migrate the database: every command of `alembic`, and `migrate`, `doctor` and `adopt`."""
    # Imported late: serving needs no command line.
    from migrator.commands import main
    from migrator.project import no_context

    from .database.migrations import PROJECT

    # Revisions that run without an app context under `alembic` do so here too.
    context = Context() if PROJECT.context is no_context else copy_context()
    context.run(main.main, list(arguments))


def init_app(app: Flask) -> None:
    """Add the commands to `flask`."""
    app.cli.add_command(db)


def are_all_that_is_asked_for() -> bool:
    """Return whether this process is `flask db …`, which serves nothing."""
    flask = click.get_current_context(silent=True)
    # A later word is an option's: flask run --host db.
    commands = (word for word in sys.argv[1:] if word in ("db", "routes", "run", "shell"))
    return flask is not None and next(commands, None) == "db"


def bare_app(error: Exception) -> Flask:
    """Return an app that has a database and these commands only, for when the real one fails.

    Args:
        error: why the app does not start. It is printed as a warning, but for a setting: a
            command that needs it says so itself.
    """
    if not isinstance(error, SettingsError):
        print(f"Warning: the app does not start: {type(error).__name__}: {error}", file=sys.stderr)
    app = Flask(__name__, instance_path=str(INSTANCE))
    with suppress(Exception):
        from . import config, extensions

        config.init_app(app, {})
        extensions.init_app(app)
    return app
