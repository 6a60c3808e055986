"""A line of the table: this project's figure beside another one, and what it should be."""

from dataclasses import dataclass

from .measuring import Measure


@dataclass(frozen=True)
class Line:
    """One comparison.

    Attributes:
        what: what was measured.
        ours: what this project takes.
        against: what it is compared with; empty where the figure itself is judged.
        theirs: what that takes.
        target: what the ratio, or else the figure itself, may be at most; None is for
            comparisons that are for information.
        more_is_better: `target` is what it has to be at least.
    """

    what: str
    ours: Measure
    against: str = ""
    theirs: Measure | None = None
    target: float | None = None
    more_is_better: bool = False

    @property
    def judged(self) -> float:
        """The ratio of the first quantities, or the first quantity where there is no other side."""
        unit = next(iter(self.ours))
        return self.ours[unit] / self.theirs[unit] if self.theirs else self.ours[unit]

    @property
    def is_met(self) -> bool:
        """Whether the target is met, looked at with two decimals."""
        if self.target is None:
            return True
        judged = round(self.judged, 2)
        return judged >= self.target if self.more_is_better else judged <= self.target
