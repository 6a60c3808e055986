"""The models' base class, the database's URL, and the connections to it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import Base

__all__ = ["Base"]


def __getattr__(name: str) -> object:
    """Import `Base` when it is asked for: what needs no models does without the ORM."""
    if name != "Base":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .base import Base

    return Base
