"""Asks PostgreSQL for the current revision by the driver alone: SQLAlchemy takes long to import."""

import re
from typing import Any
from urllib.parse import parse_qsl, unquote

import psycopg

# What the driver raises when the database does not answer.
ERRORS = (psycopg.Error,)
# What `listen` in database/engine.py may do that is of no concern here.
LISTENERS: tuple[str, ...] = ()

# What is written otherwise is left to SQLAlchemy.
_URL = re.compile(
    r"postgres(?:ql)?(?:\+psycopg2?)?://(?:([^:@/]*)(?::([^@/]*))?@)?"
    r"([^][:@/?,]*)(?::(\d+))?/([^@/?]+)(?:\?([^@]*))?"
)
_QUESTION = "SELECT version_num, pg_is_in_recovery() FROM alembic_version"


def arguments(url: str) -> dict[str, Any] | None:
    """Return the driver's arguments; None for a URL that SQLAlchemy has to read.

    Args:
        url: the text of a setting.
    """
    found = _URL.fullmatch(url.strip())
    if found is None:
        return None
    *parts, query = found.groups()
    names = ("user", "password", "host", "port", "dbname")
    given = {name: unquote(part) for name, part in zip(names, parts, strict=True) if part}
    options = parse_qsl(query or "", keep_blank_values=True)
    # A host among the options, or several of one option, mean more to SQLAlchemy.
    if {"host", "port"} & {*dict(options)} or len(dict(options)) < len(options):
        return None
    return given | dict(options)


def current_revisions(timeout: float, **arguments: Any) -> tuple[str, ...] | None:
    """Return the revisions that the database is at; None if the server is a standby.

    Args:
        timeout: seconds, 2 at least, to wait for the connection and for what is sent on it to
            arrive.
        arguments: from `arguments`.

    Raises:
        psycopg.Error: one of `ERRORS`.
    """
    own: dict[str, Any] = {
        "connect_timeout": int(timeout),
        "fallback_application_name": "alembic",
        "tcp_user_timeout": int(timeout * 1000),
    }
    with psycopg.connect(**own | arguments) as connection:
        try:
            rows = connection.execute(_QUESTION).fetchall()
        except psycopg.errors.UndefinedTable:
            return ()
    return None if any(row[1] for row in rows) else tuple(row[0] for row in rows)
