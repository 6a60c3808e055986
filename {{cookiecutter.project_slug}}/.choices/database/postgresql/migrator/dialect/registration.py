"""What Alembic is told about PostgreSQL, in one place and in this order."""

from functools import cache
from typing import Any

from alembic.autogenerate import comparators
from alembic.ddl.impl import _impls
from alembic.util import DispatchPriority
from sqlalchemy.dialects import postgresql

from . import reflection_patch
from .casting import add_casts
from .enum_names import name_enums
from .implementation import Implementation
from .safe_forms import in_safe_forms
from .unique_once import omit_redundant

_dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
_compiler = _dialect.ddl_compiler(_dialect, None)  # type: ignore[arg-type]


def is_made(item: Any, name: str | None, kind: str, *_: object) -> bool:
    """Return whether the server makes a thing of a model: `include_object`.

    It makes no CHECK of a boolean's type, which Alembic 1.20 adds again and again.
    """
    rule = item._create_rule if kind == "check_constraint" else None
    return rule is None or bool(rule(_compiler))


DIALECT_OPTIONS = {
    "include_object": is_made,
    # Locks are held for one revision, not for all of them.
    "transaction_per_migration": True,
    # autogenerate/options.py calls it, unless the project has it switched off.
    "in_safe_forms": in_safe_forms,
}


@cache
def register() -> None:
    """Have Alembic use this project's implementation and compare enum types, once per process.

    Comparators of one priority run in the order of their registration.
    """
    _impls["postgresql"] = Implementation
    reflection_patch.apply()
    compare_schema_last = comparators.dispatch_for("schema", priority=DispatchPriority.LAST)
    # 1. Before alembic_postgresql_enum, which writes the names that this gives.
    compare_schema_last(name_enums)
    # 2. alembic_postgresql_enum registers itself when it is imported. It also gives revisions
    # op.sync_enum_values and op.add_enum_values.
    import alembic_postgresql_enum

    from . import enum_patch
    from .enum_types import create_each_once, is_own_enum

    alembic_postgresql_enum.set_configuration(
        alembic_postgresql_enum.Config(include_name=is_own_enum)
    )
    enum_patch.apply()
    # 3. After it, because it takes back what it proposes twice.
    compare_schema_last(create_each_once)
    # 4. After it, because it adds some casts itself.
    compare_schema_last(add_casts)
    compare_schema_last(omit_redundant)
