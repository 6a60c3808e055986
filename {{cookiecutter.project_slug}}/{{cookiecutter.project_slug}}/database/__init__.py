"""The models' base class, the database's URL, and the connections to it."""

from .base import Base

__all__ = ["Base"]
