"""Which database: the Flask app's configuration says it."""

from flask import Config, current_app, has_app_context
from sqlalchemy import URL

from .parsing import parse_url

VARIABLE = "SQLALCHEMY_DATABASE_URI"
MIGRATION_VARIABLE = "MIGRATION_DATABASE_URL"


def database_url() -> URL:
    """Return the URL that the current app is configured with, or else a new app.

    Raises:
        SettingsError: the configuration has no URL, or a wrong one.
    """
    return parse_url(_app_config()[VARIABLE], VARIABLE)


def migration_url() -> URL:
    """Return the URL to migrate with: `MIGRATION_DATABASE_URL` if set, else the database's.

    Raises:
        SettingsError: the configuration has no URL, or a wrong one.
    """
    config = _app_config()
    variable = VARIABLE if config.get(MIGRATION_VARIABLE) is None else MIGRATION_VARIABLE
    return parse_url(config[variable], variable)


def _app_config() -> Config:
    if has_app_context():
        return current_app.config
    # Imported late: the app imports the models, and they import this package.
    from ..app import create_app

    return create_app().config
