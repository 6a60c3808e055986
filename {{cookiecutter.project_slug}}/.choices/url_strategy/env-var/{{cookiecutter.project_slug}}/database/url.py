"""Which database: one environment variable per environment says it."""

import os

from sqlalchemy import URL

from ..settings import SettingsError, current_environment, who_sets
from . import dialect
from .parsing import parse_url

VARIABLES = {
    "local": "DATABASE_URL_LOCAL",
    "development": "DATABASE_URL_DEV",
    "staging": "DATABASE_URL_STAGING",
    "production": "DATABASE_URL_PROD",
}
MIGRATION_VARIABLE = "MIGRATION_DATABASE_URL"


def database_url() -> URL:
    """Return the URL of the current environment's database, from its variable alone.

    Raises:
        SettingsError: the environment is unknown, or its variable is unset or no URL.
    """
    environment = current_environment()
    variable = VARIABLES[environment]
    value = os.environ.get(variable, dialect.DEFAULTS.get(environment))
    if value is None:
        raise SettingsError(
            f"{variable} is not set, and ENVIRONMENT is {environment}; set {variable} in the"
            f" environment or in .env, to a URL like {dialect.EXAMPLE}"
        )
    return parse_url(value, variable)


def migration_url() -> URL:
    """Return the URL to migrate with: `MIGRATION_DATABASE_URL` if set, else the database's.

    Raises:
        SettingsError: as `database_url`, or `MIGRATION_DATABASE_URL` is no URL.
    """
    current_environment()
    owner = os.environ.get(MIGRATION_VARIABLE)
    return database_url() if owner is None else parse_url(owner, MIGRATION_VARIABLE)


def url_source() -> str:
    """Return where `migration_url` has its value from, for a person to read.

    Raises:
        SettingsError: the environment is unknown.
    """
    environment = current_environment()
    for variable in (MIGRATION_VARIABLE, VARIABLES[environment]):
        if variable in os.environ:
            return f"{variable} in {who_sets(variable)}"
    return f"the default for {environment} in database/dialect.py"
