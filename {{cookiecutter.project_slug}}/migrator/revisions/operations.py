"""What a revision does: its functions run without a database, and their operations are recorded."""

import sys
from collections.abc import Container, Iterator
from contextlib import contextmanager
from io import StringIO
from types import FrameType, SimpleNamespace
from typing import Any, NamedTuple

from alembic import op
from alembic.operations import BatchOperations, Operations, ops
from alembic.runtime.migration import MigrationContext
from alembic.script import Script


class Recorded(NamedTuple):
    """An operation of a revision, and the first and the last line of its call, counted from 1."""

    operation: ops.MigrateOperation
    lines: tuple[int, int]


class Recording(NamedTuple):
    """A revision's operations, in their order; and why the rest is not known, if it is not."""

    operations: list[Recorded]
    stopped_by: str = ""


def recorded(script: Script, dialect: str, function: str = "upgrade") -> Recording:
    """Return the operations of a revision's function, as far as it runs without a database.

    Args:
        script: the revision.
        dialect: SQLAlchemy's name for the database.
        function: `upgrade` or `downgrade`.
    """
    context = MigrationContext.configure(
        dialect_name=dialect, opts={"as_sql": True, "output_buffer": StringIO()}
    )
    recorder = _Recorder(context, script.path)
    try:
        with Operations.context(context):
            # The functions of alembic.op are those of this object.
            vars(op)["_proxy"] = recorder
            getattr(script.module, function)()
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
        found = place_of_call({self.path})
        assert found is not None  # the revision is under way
        self.recorded.append(Recorded(operation, found[1:]))
        # Revisions insert rows into the table that create_table returns.
        return operation.to_table() if isinstance(operation, ops.CreateTableOp) else None

    def sync_enum_values(self, *_: Any, **__: Any) -> None:
        """Do nothing: this function of alembic_postgresql_enum's hands nothing to Alembic."""

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


def place_of_call(paths: Container[str]) -> tuple[str, int, int] | None:
    """Return where the innermost call under way in one of some files is written.

    Args:
        paths: of the files.

    Returns:
        The file, and the first and the last line, counted from 1; None outside the files.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename not in paths:
        frame = frame.f_back
    if frame is None:
        return None
    # An instruction is two bytes long: https://docs.python.org/3/library/dis.html
    first, last, *_ = [*frame.f_code.co_positions()][frame.f_lasti // 2]
    return frame.f_code.co_filename, first or frame.f_lineno, last or frame.f_lineno
