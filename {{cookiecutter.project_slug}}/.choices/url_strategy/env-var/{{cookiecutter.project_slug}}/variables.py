"""The environment variables that name the database, one for each environment."""

from .settings import current_environment, read_variable

VARIABLES = {
    "local": "DATABASE_URL_LOCAL",
    "development": "DATABASE_URL_DEV",
    "staging": "DATABASE_URL_STAGING",
    "production": "DATABASE_URL_PROD",
}


def url_text() -> str | None:
    """Return the URL of the environment's database as it is set, or None where it is not.

    `database/url.py` reads and checks it. `migrator.wait` calls this, without SQLAlchemy.

    Raises:
        SettingsError: the environment is unknown, or the file of a variable cannot be read.
    """
    return read_variable(VARIABLES[current_environment()])
