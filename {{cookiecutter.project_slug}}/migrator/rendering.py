"""SQL that revisions repeat word for word."""

import re
from typing import Any

from alembic.ddl.impl import DefaultImpl
from sqlalchemy import ClauseElement, TextClause, text

_PARAMETER = re.compile(r"(?<![:\w\\]):(?=\w+(?!:))")


def escaped_colons(sql: str) -> str:
    r"""Return `sql` so that `sa.text` reads it as it is, with `\:x` for each `:x`."""
    return _PARAMETER.sub(r"\:", sql)


class LiteralSQL(DefaultImpl):
    """An implementation that writes SQL expressions into revisions unchanged."""

    def render_ddl_sql_expr(
        self,
        expr: ClauseElement,
        is_server_default: bool = False,
        is_index: bool = False,
        **options: Any,
    ) -> str:
        """Return `expr` as SQL for `sa.text`, or for an index, where nothing parses it."""
        if isinstance(expr, TextClause) and expr._bindparams:
            # SQLAlchemy takes a colon in what it reflects for a parameter's.
            expr = text(escaped_colons(expr.text))
        sql = super().render_ddl_sql_expr(
            expr, is_server_default=is_server_default, is_index=is_index, **options
        )
        if self.dialect.paramstyle in ("format", "pyformat"):
            # The driver doubles percent signs again when the revision runs.
            sql = sql.replace("%%", "%")
        return sql if is_index else escaped_colons(sql)
