"""Which database: the Flask app's configuration says it."""

import os

from flask import Config, current_app, has_app_context
from sqlalchemy import URL

from ..config import CLASSES
from ..settings import INSTANCE, current_environment, who_sets
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
    return parse_url(config[_variable(config)], _variable(config))


def url_source() -> str:
    """Return where `migration_url` has its value from, for a person to read.

    Raises:
        SettingsError: the configuration has no URL, or a wrong one.
    """
    config = _app_config()
    variable = _variable(config)
    for name in (MIGRATION_VARIABLE, f"FLASK_{variable}"):
        if name.endswith(variable) and name in os.environ:
            return f"{name} in {who_sets(name)}"
    instance = Config(INSTANCE)
    instance.from_pyfile("config.py", silent=True)
    if instance.get(variable) is not None:
        return "instance/config.py"
    for class_ in CLASSES[current_environment()].__mro__:
        if vars(class_).get(variable) is not None:
            return f"{class_.__name__} in config.py"
    return "the app itself"


def _variable(config: Config) -> str:
    return VARIABLE if config.get(MIGRATION_VARIABLE) is None else MIGRATION_VARIABLE


def _app_config() -> Config:
    # An app that could not be configured says why when it is made once more.
    if has_app_context() and current_app.config.get(VARIABLE) is not None:
        return current_app.config
    # Imported late: the app imports the models, and they import this package.
    from ..app import create_app

    return create_app().config
