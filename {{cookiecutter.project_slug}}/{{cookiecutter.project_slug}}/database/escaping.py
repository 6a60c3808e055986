"""Escapes what SQLAlchemy's text() would take for a parameter."""

import re

_PARAMETER = re.compile(r"(?<![:\w\\]):(?=\w+(?!:))")


def escaped_colons(sql: str) -> str:
    r"""Return `sql` so that `sa.text` reads it as it is, with `\:x` for each `:x`."""
    return _PARAMETER.sub(r"\:", sql)
