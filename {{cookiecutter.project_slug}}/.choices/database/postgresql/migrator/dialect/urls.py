"""The database that this project is for: PostgreSQL, through psycopg 3."""

from sqlalchemy import URL

from ..errors import SettingsError

NAME = "PostgreSQL"
EXAMPLE = "postgresql://user:password@localhost:5432/database"
_DRIVER = "postgresql+psycopg"
# What a URL may start with, and the driver that it then gets.
DRIVERS = {
    "postgres": _DRIVER,
    "postgresql": _DRIVER,
    "postgresql+psycopg": _DRIVER,
    "postgresql+psycopg2": _DRIVER,
}
# Every environment needs a URL.
DEFAULTS: dict[str, str] = {}


def check_url(url: URL, source: str) -> URL:
    """Return `url`.

    Args:
        url: a PostgreSQL URL.
        source: the setting that `url` comes from, to be named in an error.

    Raises:
        SettingsError: the URL names no database.
    """
    if not url.database:
        raise SettingsError(f"{source} names no database; a URL looks like {EXAMPLE}")
    return url
