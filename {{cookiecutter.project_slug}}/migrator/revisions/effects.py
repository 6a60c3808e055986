"""What a statement of a revision does to a table that was there before the revision."""

from dataclasses import dataclass
from enum import StrEnum


class Waiting(StrEnum):
    """Who waits for a statement, from the fewest to the most."""

    NOBODY = "nobody"
    SAME_ROWS = "writers of the same rows"
    WRITERS = "writers"
    ALL = "readers and writers"


class Work(StrEnum):
    """What of a table a statement touches, which decides how long it takes."""

    NONE = ""
    SCAN = "scan"
    REWRITE = "rewrite"


@dataclass(frozen=True)
class Effect:
    """What a statement does to one table.

    Attributes:
        table: as the database names it.
        lock: as the server names it; empty where it has no such locks.
        work: whether all rows are read, or rewritten.
        waiting: who waits until the lock is given back.
    """

    table: str
    lock: str
    work: Work = Work.NONE
    waiting: Waiting = Waiting.NOBODY

    @property
    def stops_writers(self) -> bool:
        """Whether nobody writes to the table meanwhile."""
        return self.waiting in (Waiting.WRITERS, Waiting.ALL)


@dataclass(frozen=True)
class Size:
    """How large a table is, as far as that is known."""

    rows: int | None = None
    bytes: int | None = None
