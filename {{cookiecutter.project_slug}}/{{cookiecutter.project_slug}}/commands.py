"""`flask db …`: Alembic's own command line."""

import click
from flask import Flask


@click.command(
    # Every word after `db`, `--help` included, is Alembic's.
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def db(arguments: tuple[str, ...]) -> None:
    """Migrate the database: every command of `alembic`, and `migrate`."""
    # Imported late: serving needs no Alembic.
    from .database import command_line

    command_line.main(list(arguments))


def init_app(app: Flask) -> None:
    """Add the commands to `flask`."""
    app.cli.add_command(db)
