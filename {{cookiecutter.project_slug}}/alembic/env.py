"""What Alembic runs for every command that looks at the database.

A connection that a program passed in is used as it is. Otherwise the migrations run on the
configured database, one process at a time, or are printed as SQL without connecting.
"""

import gc
from logging.config import fileConfig

from alembic import context
from alembic.util import CommandError

from {{ cookiecutter.project_slug }}.database.advice import explained_errors
from {{ cookiecutter.project_slug }}.database.engine import connect
from {{ cookiecutter.project_slug }}.database.guards import is_writing, refuse_downgrade
from {{ cookiecutter.project_slug }}.database.lock import prepare_sql, run_exclusively
from {{ cookiecutter.project_slug }}.database.options import context_options
from {{ cookiecutter.project_slug }}.database.url import migration_url
from {{ cookiecutter.project_slug }}.models import import_all_models
from {{ cookiecutter.project_slug }}.settings import SettingsError

config = context.config


def run() -> None:
    with explained_errors(context.get_context()), context.begin_transaction():
        context.run_migrations()


def main() -> None:
    import_all_models()
    if context.is_offline_mode():
        context.configure(
            url=migration_url(),
            literal_binds=True,
            # With its own paramstyle a driver would have every percent sign doubled.
            dialect_opts={"paramstyle": "named"},
            **context_options(),
        )
        prepare_sql(context.get_context())
        run()
    elif connection := config.attributes.get("connection"):
        context.configure(connection=connection, **context_options())
        refuse_downgrade(context.get_context())
        run()
    else:
        with connect(migration_url()) as connection:
            context.configure(connection=connection, **context_options())
            refuse_downgrade(context.get_context())
            if is_writing(context.get_context()):
                run_exclusively(context.get_context(), run)
            else:
                run()


# Only a command line owns the process; a program that calls Alembic keeps its own ways.
if config.cmd_opts is not None and config.config_file_name is not None:
    fileConfig(config.config_file_name, disable_existing_loggers=False)
    # Models and tables stay as long as it runs: with Python's own threshold, looking through them
    # for garbage is a quarter of autogenerate's time.
    gc.set_threshold(50_000)

try:
    main()
except SettingsError as error:
    raise CommandError(str(error)) from error
