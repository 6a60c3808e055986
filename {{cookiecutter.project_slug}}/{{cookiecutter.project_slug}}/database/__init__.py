"""Everything between the settings and the migrations: URL, engine, models' base, autogenerate."""

from .base import Base

__all__ = ["Base"]
