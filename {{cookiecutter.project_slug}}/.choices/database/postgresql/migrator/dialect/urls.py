"""The database that this project is for: PostgreSQL, through psycopg 3."""

from importlib.util import find_spec

from sqlalchemy import URL

from ..errors import SettingsError

NAME = "PostgreSQL"
EXAMPLE = "postgresql://user:password@localhost:5432/database"
# What to do without a URL.
HOW_TO_SET = (
    f"Copy .env.example to .env and set it there, to a URL like {EXAMPLE}."
    " Without a server: uv run python -m migrator.dialect.embedded starts one and prints its URL."
)
HOSTS_EXAMPLE = (
    "postgresql://user:password@/database?host=one:5432&host=two:5432"
    "&target_session_attrs=read-write"
)
SEVERAL_HOSTS = f"write them as in {HOSTS_EXAMPLE}"
# A project that moved in may stay on psycopg 2: it then depends on that one, not on psycopg 3.
_DRIVER = "postgresql+psycopg" if find_spec("psycopg") else "postgresql+psycopg2"
# What a URL may start with, and the driver that it then gets: one that is installed.
DRIVERS = {
    "postgres": _DRIVER,
    "postgresql": _DRIVER,
    "postgresql+psycopg": _DRIVER,
    "postgresql+psycopg2": "postgresql+psycopg2" if find_spec("psycopg2") else _DRIVER,
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
