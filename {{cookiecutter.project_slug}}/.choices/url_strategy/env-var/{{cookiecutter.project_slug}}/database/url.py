"""Which database: one environment variable per environment, or its file, says it."""

import os

from migrator.errors import SettingsError
from migrator.url import DEFAULTS, HOW_TO_SET, parse_url
from sqlalchemy import URL

from ..settings import as_set, current_environment, read_variable, who_sets
from ..variables import VARIABLES

OWNER_VARIABLE = "MIGRATION_DATABASE_URL"


def database_url() -> URL:
    """Return the URL of the current environment's database, from its variable alone.

    Raises:
        SettingsError: the environment is unknown, or its variable is unset or no URL.
    """
    environment = current_environment()
    variable = VARIABLES[environment]
    value = read_variable(variable)
    if value is None:
        value = DEFAULTS.get(environment)
    if value is None:
        raise SettingsError(
            f"{variable} is not set, and ENVIRONMENT is {environment}. {HOW_TO_SET}"
        )
    return parse_url(value, as_set(variable))


def owner_url() -> URL | None:
    """Return `MIGRATION_DATABASE_URL`, which migrations use in place of the app's URL.

    Raises:
        SettingsError: it is no URL, or the environment is unknown.
    """
    current_environment()
    value = read_variable(OWNER_VARIABLE)
    return None if value is None else parse_url(value, as_set(OWNER_VARIABLE))


def url_source() -> str:
    """Return where the URL of migrations comes from, for a person to read.

    Raises:
        SettingsError: the environment is unknown.
    """
    environment = current_environment()
    for variable in (as_set(OWNER_VARIABLE), as_set(VARIABLES[environment])):
        if variable in os.environ:
            return f"{variable} in {who_sets(variable)}"
    return f"the default for {environment} in migrator/dialect/urls.py"
