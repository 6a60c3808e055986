"""A line of the table: this project's figure beside another one, and what it should be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from .measuring import Measure, medians, ratio


@dataclass(frozen=True)
class Line:
    """One comparison.

    Attributes:
        what: what was measured.
        ours: what this project takes.
        against: what it is compared with; empty where the figure itself is judged.
        theirs: what that takes.
        judged: the ratio of the first quantities, or the first quantity where there is no
            other side.
        target: what `judged` may be at most; None is for comparisons that are for information.
        more_is_better: `target` is what it has to be at least.
    """

    what: str
    ours: Measure
    against: str
    theirs: Measure | None
    judged: float
    target: float | None = None
    more_is_better: bool = False

    @classmethod
    def of(
        cls,
        what: str,
        ours: Sequence[Measure],
        against: str = "",
        theirs: Sequence[Measure] = (),
        target: float | None = None,
        more_is_better: bool = False,
    ) -> Self:
        """Return a line of the runs of one side, or of two that ran in turn."""
        median = medians(ours)
        return cls(
            what,
            median,
            against,
            medians(theirs) if theirs else None,
            ratio(ours, theirs) if theirs else next(iter(median.values())),
            target,
            more_is_better,
        )

    @property
    def is_met(self) -> bool:
        """Whether the target is met, looked at with two decimals."""
        if self.target is None:
            return True
        judged = round(self.judged, 2)
        return judged >= self.target if self.more_is_better else judged <= self.target
