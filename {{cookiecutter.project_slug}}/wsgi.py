"""What `flask` and the WSGI server find: the app, with `flask db` added."""

import sys

from migrator.errors import SettingsError

from {{ cookiecutter.project_slug }} import commands, serving

try:
    from {{ cookiecutter.project_slug }} import logs, security
    from {{ cookiecutter.project_slug }}.app import create_app

    if serving.is_serving():
        logs.configure()
    app = create_app()
    if serving.is_serving():
        security.check(app)
except Exception as error:
    # What repairs the database must not need an app that works.
    if commands.are_all_that_is_asked_for():
        app = commands.bare_app(error)
    elif isinstance(error, SettingsError):
        sys.exit(f"Error: {error}")
    else:
        raise

commands.init_app(app)
