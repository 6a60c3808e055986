"""What Alembic runs for every command that looks at the database.

A connection that a program passed in is used as it is. Otherwise the migrations run on the
project's database, one process at a time, or are printed as SQL without connecting.
"""

from alembic import context
from migrator.dialect.lock import prepare_sql, run_exclusively
from migrator.engine import connect_as_owner, migration_url
from migrator.project import load_project
from migrator.running.advice import explained_errors, explained_settings
from migrator.running.convention import names_as_written
from migrator.running.guards import is_writing, refuse_downgrade
from migrator.running.options import context_options
from migrator.running.process import own_process

config = context.config


def run() -> None:
    migration = context.get_context()
    with (
        explained_errors(migration, project),
        names_as_written(migration, project),
        context.begin_transaction(),
    ):
        context.run_migrations()


given = config.attributes.get("connection")
with own_process(config), explained_settings():
    project = load_project(config)
    with project.context(given):
        if context.is_offline_mode():
            context.configure(
                url=migration_url(project),
                literal_binds=True,
                # With its own paramstyle a driver would have every percent sign doubled.
                dialect_opts={"paramstyle": "named"},
                **context_options(project),
            )
            prepare_sql(context.get_context())
            run()
        elif given:
            context.configure(connection=given, **context_options(project))
            refuse_downgrade(context.get_context(), project)
            run()
        else:
            with connect_as_owner(project) as connection:
                context.configure(connection=connection, **context_options(project))
                refuse_downgrade(context.get_context(), project)
                if is_writing(context.get_context()):
                    run_exclusively(context.get_context(), run)
                else:
                    run()
