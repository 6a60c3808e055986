"""What a revision does: its `upgrade()` runs without a database, and its operations are recorded."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from types import SimpleNamespace
from typing import Any

from alembic import op
from alembic.operations import BatchOperations, Operations, ops
from alembic.runtime.migration import MigrationContext
from alembic.script import Script


@dataclass(frozen=True)
class Recorded:
    """An operation of a revision.

    Attributes:
        operation: as Alembic models it.
        lines: the first and the last line of the call in the revision's file, counted from 1.
    """

    operation: ops.MigrateOperation
    lines: tuple[int, int]


class ReplaceEnumOp(ops.MigrateOperation):
    """`sync_enum_values` of alembic_postgresql_enum, which hands nothing to Alembic."""


@dataclass(frozen=True)
class Recording:
    """What could be recorded of a revision.

    Attributes:
        operations: in their order.
        stopped_by: why the rest is not known, in one line; empty when all is known.
    """

    operations: list[Recorded]
    stopped_by: str = ""


def recorded(script: Script, dialect: str) -> Recording:
    """Return the operations of a revision's `upgrade()`, as far as it runs without a database.

    Args:
        script: the revision.
        dialect: SQLAlchemy's name for the database.
    """
    context = MigrationContext.configure(
        dialect_name=dialect, opts={"as_sql": True, "output_buffer": StringIO()}
    )
    recorder = _Recorder(context, script.path)
    try:
        with Operations.context(context):
            # The functions of alembic.op are those of this object.
            vars(op)["_proxy"] = recorder
            script.module.upgrade()
    except Exception as error:  # noqa: BLE001 - a revision is anybody's code
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return Recording(recorder.recorded, reason)
    return Recording(recorder.recorded)


class _Recorder(Operations):
    """Alembic's operations, noted and not done."""

    def __init__(self, context: MigrationContext, path: str) -> None:
        super().__init__(context)
        self.path = path
        self.recorded: list[Recorded] = []

    def invoke(self, operation: ops.MigrateOperation) -> Any:
        self.recorded.append(Recorded(operation, _lines_of_call(self.path)))
        # Revisions insert rows into the table that create_table returns.
        return operation.to_table() if isinstance(operation, ops.CreateTableOp) else None

    def sync_enum_values(self, *_: Any, **__: Any) -> None:
        """Note that an enum's type is replaced, and its columns are rewritten."""
        self.recorded.append(Recorded(ReplaceEnumOp(), _lines_of_call(self.path)))

    @contextmanager
    def batch_alter_table(
        self, table_name: str, schema: str | None = None, *_: Any, **options: Any
    ) -> Iterator[BatchOperations]:
        yield _BatchRecorder(self, SimpleNamespace(table_name=table_name, schema=schema))


class _BatchRecorder(BatchOperations):
    def __init__(self, recorder: _Recorder, table: Any) -> None:
        super().__init__(recorder.migration_context, impl=table)
        self._recorder = recorder

    def invoke(self, operation: ops.MigrateOperation) -> Any:
        return self._recorder.invoke(operation)


def _lines_of_call(path: str) -> tuple[int, int]:
    """Return the first and the last line of the innermost call under way in the file `path`."""
    frame = sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename != path:
        frame = frame.f_back
    # An instruction is two bytes long: https://docs.python.org/3/library/dis.html
    first, last, *_ = [*frame.f_code.co_positions()][frame.f_lasti // 2]
    return first or frame.f_lineno, last or frame.f_lineno
