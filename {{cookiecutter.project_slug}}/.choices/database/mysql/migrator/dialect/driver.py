"""Asks the server for the current revision by the driver alone: SQLAlchemy takes long to import."""

import re
from typing import Any
from urllib.parse import unquote

import pymysql
from pymysql.constants import ER

# What the driver raises when the database does not answer.
ERRORS = (pymysql.Error, OSError)
# What `listen` in database/engine.py may do that is of no concern here.
LISTENERS: tuple[str, ...] = ()

# Other options, and what is written otherwise, are left to SQLAlchemy.
_URL = re.compile(
    r"(?:mysql|mariadb)(?:\+pymysql|\+mysqldb)?://(?:([^:@/]*)(?::([^@/]*))?@)?"
    r"([^][:@/?,]+)(?::(\d+))?/([^@/?]+)(?:\?charset=(\w+))?"
)
_QUESTION = "SELECT version_num, @@GLOBAL.read_only FROM alembic_version"


def arguments(url: str) -> dict[str, Any] | None:
    """Return the driver's arguments; None for a URL that SQLAlchemy has to read.

    Args:
        url: the text of a setting.
    """
    found = _URL.fullmatch(url.strip())
    if found is None:
        return None
    names = ("user", "password", "host", "port", "database", "charset")
    given = {name: unquote(part) for name, part in zip(names, found.groups(), strict=True) if part}
    return {"charset": "utf8mb4"} | given | {"port": int(given.get("port", 3306))}


def current_revisions(timeout: float, **arguments: Any) -> tuple[str, ...] | None:
    """Return the revisions that the database is at; None if the server is read only.

    Args:
        timeout: seconds to wait for each of the server's answers.
        arguments: from `arguments`.

    Raises:
        pymysql.Error, OSError: one of `ERRORS`.
    """
    limits = ("connect_timeout", "read_timeout", "write_timeout")
    own: dict[str, Any] = dict.fromkeys(limits, timeout) | arguments
    with pymysql.connect(**own) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(_QUESTION)
        except pymysql.err.ProgrammingError as error:
            if error.args[0] == ER.NO_SUCH_TABLE:
                return ()
            raise
        rows = cursor.fetchall()
    # MariaDB 12 has more values than the two.
    if any(str(row[1]) not in ("0", "OFF") for row in rows):
        return None
    return tuple(row[0] for row in rows)
