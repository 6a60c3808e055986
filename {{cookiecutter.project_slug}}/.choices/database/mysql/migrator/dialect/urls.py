"""The database that this project is for: MySQL or MariaDB, through PyMySQL."""

from sqlalchemy import URL

from ..errors import SettingsError

NAME = "MySQL and MariaDB"
EXAMPLE = "mysql://user:password@localhost:3306/database"
# What to do without a URL.
HOW_TO_SET = f"Copy .env.example to .env and set it there, to a URL like {EXAMPLE}."
SEVERAL_HOSTS = "the driver takes one: name the proxy or the address that stands for them"
# What a URL may start with, and the driver that it then gets.
DRIVERS = {
    "mysql": "mysql+pymysql",
    "mysql+pymysql": "mysql+pymysql",
    "mysql+mysqldb": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "mariadb+pymysql": "mariadb+pymysql",
}
# Every environment needs a URL.
DEFAULTS: dict[str, str] = {}


def check_url(url: URL, source: str) -> URL:
    """Return `url` with utf8mb4 as its character set, unless it names one.

    Args:
        url: a MySQL or MariaDB URL.
        source: the setting that `url` comes from, to be named in an error.

    Raises:
        SettingsError: the URL names no database.
    """
    if not url.database:
        raise SettingsError(f"{source} names no database; a URL looks like {EXAMPLE}")
    return url if "charset" in url.query else url.update_query_dict({"charset": "utf8mb4"})
