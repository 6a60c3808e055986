"""The database that this project is for: SQLite."""

from pathlib import Path

from sqlalchemy import URL

from ..errors import SettingsError
from ..paths import INSTANCE

NAME = "SQLite"
EXAMPLE = "sqlite:///app.sqlite3"
# What to do without a URL.
HOW_TO_SET = f"Copy .env.example to .env and set it there, to a URL like {EXAMPLE}."
SEVERAL_HOSTS = f"a SQLite database is a file, as in {EXAMPLE}"
# What a URL may start with, and the driver that it then gets.
DRIVERS = {"sqlite": "sqlite+pysqlite", "sqlite+pysqlite": "sqlite+pysqlite"}
# So that a new project migrates and serves at once; staging and production have no default.
DEFAULTS = {
    "local": "sqlite:///local.sqlite3",
    "development": "sqlite:///development.sqlite3",
}

# Characters that a shell, an env file or an unfilled template leaves in a file's name by mistake.
UNMEANT = {*"$'\"#;<>{}"}


def check_url(url: URL, source: str) -> URL:
    """Return `url` with its path made absolute; a relative one starts in `instance/`.

    This is Flask-SQLAlchemy's rule, applied here so that migrations follow it too.

    Args:
        url: a SQLite URL.
        source: the setting that `url` comes from, to be named in an error.

    Raises:
        SettingsError: the URL would create a file with an unintended name.
    """
    path = url.database or ""
    if url.host or url.username:
        raise SettingsError(f"{source} needs three slashes (or four before /), as in {EXAMPLE}")
    if path in {"", ":memory:"}:
        return url
    # SQLite's own form, for options: file:PATH, with uri=true in the URL's query.
    prefix = "file:" if url.query.get("uri", "false") not in ("false", "0") else ""
    name = path.removeprefix(prefix)
    if name.startswith(("~", "file:")) or UNMEANT & {*name} or name != name.strip():
        raise SettingsError(
            f"{source} names the file {path!r}. Write the path itself: ~, $, quotes and comments"
            " are not expanded."
        )
    if not prefix and "mode" in url.query:
        raise SettingsError(f"{source} needs the form sqlite:///file:PATH?uri=true for its mode.")
    if prefix and ":memory:" in name:
        return url
    return url.set(database=prefix + str(INSTANCE / Path(name)))
