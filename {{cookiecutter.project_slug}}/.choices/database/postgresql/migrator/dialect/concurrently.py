"""Recognises statements that wait for all older transactions and block no one."""

import re

_CONCURRENTLY = re.compile(
    r"""
    (?: \s | --[^\n]*\n | /\*.*?\*/ )*
    (?: CREATE\s+(?:UNIQUE\s+)?INDEX | DROP\s+INDEX | REINDEX\b[^;]*? )
    \s+CONCURRENTLY\b
    """,
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)


def is_concurrent(statement: str) -> bool:
    """Return whether a statement makes, drops or rebuilds an index concurrently.

    A lock timeout would end it while it waits, and leave an invalid index behind.
    """
    return _CONCURRENTLY.match(statement) is not None
