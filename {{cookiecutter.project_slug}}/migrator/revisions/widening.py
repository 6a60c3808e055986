"""Changes of a column's type that a server makes in its catalogue, without touching the rows.

Measured: on PostgreSQL 15 and 16 the table's file stays the same, MariaDB 10.11 accepts
`ALGORITHM=INSTANT`. Other databases do not store a length with the rows.
"""

from typing import Any

from sqlalchemy import Enum, Numeric, String, Text
from sqlalchemy.types import TypeEngine

# The length of a MySQL VARCHAR, in bytes, is stored in one byte up to here, in two above.
ONE_BYTE = 255
BYTES_PER_CHARACTER = 4  # utf8mb4


def is_widening(old: TypeEngine[Any] | None, new: TypeEngine[Any], dialect: str) -> bool:
    """Return whether each value of `old` is one of `new`, stored in the same way.

    Args:
        old: the column's type; None where the revision does not say.
        new: its type from then on.
        dialect: SQLAlchemy's name for the database.
    """
    is_mysql = dialect in ("mysql", "mariadb")
    match old, new:
        case Enum(), Enum():
            # Without a CHECK, an enum that is no type of the server's is a VARCHAR.
            if not is_mysql:
                return False
            return new.enums[: len(old.enums)] == old.enums
        case Enum(), _:
            return False
        case String(), Enum():
            return False
        case String(length=int(before)), String(length=int(after)) if _are_varchars(old, new):
            if is_mysql and before * BYTES_PER_CHARACTER <= ONE_BYTE:
                return before <= after <= ONE_BYTE // BYTES_PER_CHARACTER
            return before <= after
        case String(), (Text() | String(length=None)) if not is_mysql:
            return _is_varchar(old)
        case Numeric(asdecimal=True), Numeric(asdecimal=True):
            same = old._type_affinity is new._type_affinity is Numeric
            if is_mysql or not same or old.scale != new.scale:
                return False
            return None not in (old.precision, new.precision) and old.precision <= new.precision  # type: ignore[operator]
    return False


def _are_varchars(*types: TypeEngine[Any]) -> bool:
    return all(_is_varchar(type_) for type_ in types)


def _is_varchar(type_: TypeEngine[Any]) -> bool:
    # CHAR is padded to its length, and so rewritten.
    return isinstance(type_, String) and type_.__visit_name__ in (
        "string",
        "VARCHAR",
        "text",
        "TEXT",
        "unicode",
        "NVARCHAR",
    )
