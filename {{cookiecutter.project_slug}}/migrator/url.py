"""From the text of a setting to a database URL, or to a line that says what is wrong with it."""

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from .dialect.urls import DEFAULTS, DRIVERS, EXAMPLE, HOW_TO_SET, NAME, SEVERAL_HOSTS, check_url
from .errors import SettingsError

__all__ = ["DEFAULTS", "EXAMPLE", "HOW_TO_SET", "parse_url"]


def parse_url(value: str | URL, source: str) -> URL:
    """Return `value` as a URL with its driver named.

    Args:
        value: a URL, or its text; blanks and one pair of quotes around it, as mounted
            secrets and env files leave them, are not part of it.
        source: the setting that `value` comes from, to be named in an error.

    Raises:
        SettingsError: `value` is no URL of this project's database. The message never
            repeats `value`, which may hold a password.
    """
    url = value if isinstance(value, URL) else _parse_text(str(value), source)
    if url.drivername not in DRIVERS:
        raise SettingsError(
            f"{source} starts with {url.drivername}://, but this project is for {NAME};"
            f" a URL looks like {EXAMPLE}"
        )
    url = check_url(url.set(drivername=DRIVERS[url.drivername]), source)
    try:
        url.get_dialect()().create_connect_args(url)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"{source} has a wrong option behind its ?: {error}") from error
    return url


def _parse_text(text: str, source: str) -> URL:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    if not text:
        raise SettingsError(f"{source} is empty; set it to a URL like {EXAMPLE}")
    if not text.isprintable():
        raise SettingsError(f"{source} has a line break or another control character in it.")
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    hosts = text.partition("://")[2].rpartition("@")[2].partition("/")[0]
    if url is None and "," in hosts:
        raise SettingsError(f"{source} names several hosts; {SEVERAL_HOSTS}")
    # SQLAlchemy would take what follows the first @ of a password for the host.
    if url is None or "@" in (url.host or "") or (url.host and "@" in (url.database or "")):
        raise SettingsError(
            f"{source} is not a database URL like {EXAMPLE}; in a user name or password,"
            " write @ as %40, : as %3A, / as %2F and % as %25."
        )
    return url
