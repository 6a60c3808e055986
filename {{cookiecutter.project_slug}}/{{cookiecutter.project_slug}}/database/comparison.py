"""What a revision would have to do to bring the database to the models."""

from collections.abc import Iterable, Iterator
from typing import Any

from alembic.autogenerate import RevisionContext, render_python_code
from alembic.config import Config
from alembic.operations.ops import MigrateOperation, ModifyTableOps, UpgradeOps
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def differences(connection: Connection, scripts: ScriptDirectory) -> list[str]:
    """Return one line of a revision for each thing that the models and the database differ in.

    This is what `alembic check` looks at, whatever revision the database is at.

    Raises:
        CommandError: autogenerate refuses to compare.
    """
    config = Config(attributes={"connection": connection})
    arguments = dict.fromkeys(
        ("message", "head", "branch_label", "version_path", "rev_id", "depends_on")
    )
    revision = RevisionContext(config, scripts, {**arguments, "sql": False, "splice": False})
    found: list[str] = []

    def compare(_: object, context: MigrationContext) -> Iterable[Any]:
        revision.run_autogenerate(scripts.get_heads(), context)
        for operations in revision.generated_revisions[-1].upgrade_ops_list:
            found.extend(_lines(operations.ops, context))
        return []

    with EnvironmentContext(config, scripts, fn=compare):
        scripts.run_env()
    return found


def _lines(operations: Iterable[MigrateOperation], context: MigrationContext) -> Iterator[str]:
    for operation in operations:
        if isinstance(operation, ModifyTableOps):
            yield from _lines(operation.ops, context)
        else:
            code = render_python_code(UpgradeOps([operation]), migration_context=context)
            lines = (line.strip() for line in code.splitlines())
            yield " ".join(line for line in lines if not line.startswith("#"))
