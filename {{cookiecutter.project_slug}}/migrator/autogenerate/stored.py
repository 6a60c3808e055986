"""Finds what Alembic does not compare, once the server has said how it stores it.

The comparisons keep pairs whose texts differ. The server is asked about all of them at the end.
"""

import logging
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.compare import server_defaults
from alembic.operations.ops import (
    AddColumnOp,
    AddConstraintOp,
    AlterColumnOp,
    CreateIndexOp,
    DropColumnOp,
    DropConstraintOp,
    DropIndexOp,
    MigrateOperation,
    ModifyTableOps,
    UpgradeOps,
)
from alembic.runtime.plugins import _all_plugins
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy import CheckConstraint, Column, Identity, Index, MetaData, UniqueConstraint

from ..definitions import ComparesDefinitions, Pair, bare_text
from ..dialect.stored import stored_otherwise

log = logging.getLogger("alembic.autogenerate")


@cache
def register_comparators() -> None:
    """Have Alembic do this after its own comparisons, once per process.

    As a part of its plugin, it comes before comparisons of priority LAST: that of enum types looks at
    what this adds. A separate plugin would be announced in a line of every command.
    """
    tables = _all_plugins["alembic.autogenerate.tables"]
    tables.add_autogenerate_comparator(
        compare_identity, "column", "server_default", priority=DispatchPriority.FIRST
    )
    tables.add_autogenerate_comparator(compare_computed, "column")
    tables.add_autogenerate_comparator(compare_stored, "schema")
    # Alembic 1.20 only warns that a computed column differs. Here it is made again.
    server_defaults._warn_computed_not_supported = lambda tname, cname: None


def compare_identity(
    context: AutogenContext,
    operation: AlterColumnOp,
    schema: str | None,
    table: str,
    name: str,
    reflected: Column[Any],
    model: Column[Any],
) -> PriorityDispatchResult:
    """Compare an identity with something else.

    With a default, Alembic 1.20 ends in an AssertionError. Without one, it ignores the other NOT NULL.
    """
    assert context.dialect is not None
    there, declared = (isinstance(each.server_default, Identity) for each in (reflected, model))
    if not context.dialect.supports_identity_columns:
        # A model may have one for other databases.
        return PriorityDispatchResult.STOP if declared else PriorityDispatchResult.CONTINUE
    if there == declared:
        return PriorityDispatchResult.CONTINUE
    operation.existing_server_default = reflected.server_default
    operation.modify_server_default = model.server_default
    if reflected.nullable != model.nullable:
        operation.modify_nullable = model.nullable
    return PriorityDispatchResult.STOP


def compare_computed(
    context: AutogenContext,
    operation: AlterColumnOp,
    schema: str | None,
    table: str,
    name: str,
    reflected: Column[Any],
    model: Column[Any],
) -> PriorityDispatchResult:
    """Keep a column whose computation differs, for the server to be asked."""
    assert context.dialect is not None
    new, old = model.computed, reflected.computed
    if new is None or old is None:
        differ = new is not old
    else:
        texts = {bare_text(computed.sqltext, context.dialect) for computed in (new, old)}
        differ = len(texts) > 1 or new.persisted not in (None, old.persisted)
    if differ:
        impl = context.migration_context.impl
        assert isinstance(impl, ComparesDefinitions)
        impl.pairs.append(Pair("computed", model, reflected))
    return PriorityDispatchResult.CONTINUE


def compare_stored(
    context: AutogenContext, upgrade_ops: UpgradeOps, schemas: set[str | None]
) -> PriorityDispatchResult:
    """Add to `upgrade_ops` what the server stores otherwise than the models would have it."""
    assert context.connection is not None
    assert isinstance(context.metadata, MetaData)
    impl = context.migration_context.impl
    assert isinstance(impl, ComparesDefinitions)
    pairs, impl.pairs = impl.pairs, []
    groups = {
        (group.schema, group.table_name): group
        for group in upgrade_ops.ops
        if isinstance(group, ModifyTableOps)
    }
    different = stored_otherwise(context.connection, context.metadata, pairs)
    # What is on a computed column is made again with it.
    for pair in sorted(different, key=lambda pair: pair.kind != "computed"):
        table = pair.reflected.table
        log.info("Detected changed %s of %r on %r", pair.kind, pair.model.name, table.name)
        key = table.schema, table.name
        if key not in groups:
            groups[key] = ModifyTableOps(table.name, [], schema=table.schema)
            upgrade_ops.ops.append(groups[key])
        group = groups[key]
        if pair.kind == "default":
            _alter_default(group, pair.model, pair.reflected)
        elif str(pair.reflected.name) in _dropped_names(group):
            continue
        elif pair.kind == "computed":
            group.ops = [*_made_again(group, pair.model, pair.reflected)]
        else:
            group.ops += [_dropped(pair.reflected), _made(pair.model)]
    return PriorityDispatchResult.CONTINUE


def _dropped_names(group: ModifyTableOps) -> set[str]:
    """Return the names of the columns, indexes and constraints that are dropped."""
    drops = (
        op for op in group.ops if isinstance(op, DropColumnOp | DropIndexOp | DropConstraintOp)
    )
    fields = "column_name", "index_name", "constraint_name"
    return {str(getattr(op, field)) for op in drops for field in fields if hasattr(op, field)}


def _dropped(item: Any) -> MigrateOperation:
    if isinstance(item, Index):
        return DropIndexOp.from_index(item)
    return DropConstraintOp.from_constraint(item)


def _made(item: Any) -> MigrateOperation:
    if isinstance(item, Index):
        return CreateIndexOp.from_index(item)
    return AddConstraintOp.from_constraint(item)


def _alter_default(group: ModifyTableOps, model: Column[Any], reflected: Column[Any]) -> None:
    for operation in group.ops:
        if isinstance(operation, AlterColumnOp) and operation.column_name == model.name:
            operation.modify_server_default = model.server_default
            return
    group.ops.append(
        AlterColumnOp(
            group.table_name,
            model.name,
            schema=group.schema,
            existing_type=reflected.type,
            existing_server_default=reflected.server_default,
            existing_nullable=reflected.nullable,
            existing_comment=reflected.comment,
            modify_server_default=model.server_default,
        )
    )


def _made_again(
    group: ModifyTableOps, model: Column[Any], reflected: Column[Any]
) -> Iterator[MigrateOperation]:
    """Yield the operations of `group`, with a column dropped and added, and what is on it."""
    if model.computed is None or reflected.computed is None:
        log.warning(
            "%s.%s: only one of model and database computes this column, so it is to be dropped"
            " and added, and its values are lost",
            group.table_name,
            model.name,
        )
    for operation in group.ops:
        if not isinstance(operation, AlterColumnOp) or operation.column_name != model.name:
            yield operation
    touched = _dropped_names(group)
    there: dict[Any, Any] = {}
    for item in _items(reflected):
        # A server may reflect a UNIQUE as an index too; on MySQL, that says more of its columns.
        other = there.setdefault(item.name, item)
        if _parts(item) != _parts(other):
            there[item.name] = item
    for item in _items(model):
        if item.name in there and str(item.name) not in touched:
            yield _dropped(there[item.name])
            yield _made(item)
    yield DropColumnOp.from_column_and_tablename(group.schema, group.table_name, reflected)
    yield AddColumnOp.from_column_and_tablename(group.schema, group.table_name, model)


def _items(column: Column[Any]) -> Iterator[Any]:
    """Yield the indexes and constraints that a column is in, and that would go with it."""
    items: list[Any] = [*column.table.constraints, *column.table.indexes]
    for item in items:
        # An index's condition is among its options.
        texts = [*_parts(item), *map(str, item.dialect_kwargs.values())]
        if any(re.search(rf"\b{re.escape(column.name)}\b", text) for text in texts):
            yield item


def _parts(item: Any) -> list[str]:
    """Return the texts of what an index or a constraint is on, in their order."""
    match item:
        case Index():
            return [str(part) for part in item.expressions]
        case UniqueConstraint():
            return [str(column) for column in item.columns]
        case CheckConstraint():
            return [str(item.sqltext)]
    return []
