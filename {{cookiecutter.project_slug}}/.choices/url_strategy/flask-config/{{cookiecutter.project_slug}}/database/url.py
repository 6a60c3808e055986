"""Which database: the current app's configuration says it."""

import os

from flask import Config, current_app
from migrator.url import DEFAULTS, parse_url
from sqlalchemy import URL

from ..config import CLASSES
from ..settings import INSTANCE, as_set, current_environment, who_sets

VARIABLE = "SQLALCHEMY_DATABASE_URI"
OWNER_VARIABLE = "MIGRATION_DATABASE_URL"


def owner_url() -> URL | None:
    """Return `MIGRATION_DATABASE_URL`, which migrations use in place of the app's URL.

    Raises:
        SettingsError: it is no URL.
    """
    value = current_app.config[OWNER_VARIABLE]
    return None if value is None else parse_url(value, OWNER_VARIABLE)


def url_source() -> str:
    """Return where the URL of migrations comes from, for a person to read."""
    variable = VARIABLE if owner_url() is None else OWNER_VARIABLE
    for name in (OWNER_VARIABLE, f"FLASK_{variable}"):
        if name.endswith(variable) and as_set(name) in os.environ:
            return f"{as_set(name)} in {who_sets(as_set(name))}"
    instance = Config(INSTANCE)
    instance.from_pyfile("config.py", silent=True)
    if instance.get(variable) is not None:
        return "instance/config.py"
    environment = current_environment()
    for class_ in CLASSES[environment].__mro__:
        if vars(class_).get(variable) is not None:
            return f"{class_.__name__} in config.py"
    default = DEFAULTS.get(environment)
    if default is not None and current_app.config[VARIABLE] == parse_url(default, VARIABLE):
        return f"the default for {environment} in migrator/dialect/urls.py"
    return "the app itself"
