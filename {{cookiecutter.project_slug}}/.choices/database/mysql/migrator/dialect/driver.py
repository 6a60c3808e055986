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


def arguments(url: str) -> dict[str, Any] | None:
    """Return the driver's arguments; None for a URL that SQLAlchemy has to read.

    Args:
        url: the text of a setting.
    """
    found = _URL.fullmatch(url.strip())
    if found is None:
        return None
    names = ("user", "password", "host", "port", "database", "charset")
    given = {
        name: unquote(part) for name, part in zip(names, found.groups(), strict=True) if part
    }
    return {"charset": "utf8mb4"} | given | {"port": int(given.get("port", 3306))}


def current_revisions(timeout: float, **arguments: Any) -> tuple[str, ...]:
    """Return the revisions that the database is at.

    Args:
        timeout: seconds to wait for each of the server's answers.
        arguments: from `arguments`.

    Raises:
        pymysql.Error, OSError: one of `ERRORS`.
    """
    limits = dict.fromkeys(("connect_timeout", "read_timeout", "write_timeout"), timeout)
    with pymysql.connect(**limits, **arguments) as connection, connection.cursor() as cursor:
        try:
            cursor.execute("SELECT version_num FROM alembic_version")
        except pymysql.err.ProgrammingError as error:
            if error.args[0] == ER.NO_SUCH_TABLE:
                return ()
            raise
        return tuple(row[0] for row in cursor.fetchall())
