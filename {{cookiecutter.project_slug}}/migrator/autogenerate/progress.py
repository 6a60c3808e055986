"""A line now and then while autogenerate compares many tables."""

import logging
from functools import cache
from itertools import count
from typing import Any

from alembic.autogenerate import comparators
from alembic.autogenerate.api import AutogenContext
from alembic.util import PriorityDispatchResult

EVERY = 200  # tables: a second or two

log = logging.getLogger("alembic.autogenerate")


@cache
def report_progress() -> None:
    """Have Alembic call `_say_how_far` for every table; once per process."""
    comparators.dispatch_for("table")(_say_how_far)


def _say_how_far(context: AutogenContext, *_: Any) -> PriorityDispatchResult:
    """Log how many tables have been compared, now and then."""
    assert context.migration_context is not None
    compared = next(context.migration_context.opts.setdefault("compared_tables", count(1)))
    if compared % EVERY == 0:
        log.info("Compared %d of %d tables", compared, len(context.table_key_to_table))
    return PriorityDispatchResult.CONTINUE
