"""How SQLite stores what the models declare: as it was written."""

from sqlalchemy import Connection, MetaData

from ..definitions import Pair


def stored_otherwise(connection: Connection, metadata: MetaData, pairs: list[Pair]) -> list[Pair]:
    """Return those of `pairs` whose two sides are stored in different words: all of them."""
    return pairs
