"""What a revision would have to do to bring the database to the models."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from alembic.autogenerate import RevisionContext, render_op_text
from alembic.autogenerate.api import AutogenContext
from alembic.config import Config
from alembic.operations.ops import MigrateOperation, ModifyTableOps
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from .renames import are_renames


@dataclass(frozen=True)
class Differences:
    """How a database differs from the models.

    Attributes:
        lines: one line of a revision for each difference.
        in_names_only: whether each one is the name of a constraint or an index.
    """

    lines: list[str]
    in_names_only: bool


def differences(connection: Connection, config: Config, scripts: ScriptDirectory) -> Differences:
    """Return how the database differs from the models.

    These are the differences that `alembic check` finds, whatever revision the database is at.

    Args:
        connection: to the database; it is only read.
        config: Alembic's configuration, of this project.
        scripts: the revision files; thousands take longer to read than all else.

    Raises:
        CommandError: autogenerate refuses to compare.
    """
    config = Config(
        config.config_file_name,
        ini_section=config.config_ini_section,
        attributes={"connection": connection},
    )
    arguments = dict.fromkeys(
        ("message", "head", "branch_label", "version_path", "rev_id", "depends_on")
    )
    revision = RevisionContext(config, scripts, {**arguments, "sql": False, "splice": False})
    found: list[MigrateOperation] = []
    lines: list[str] = []

    def compare(_: object, context: MigrationContext) -> Iterable[Any]:
        revision.run_autogenerate(scripts.get_heads(), context)
        rendering = AutogenContext(context, autogenerate=False)
        rendering.imports = set()
        for operations in revision.generated_revisions[-1].upgrade_ops_list:
            found.extend(_flat(operations.ops))
        for operation in found:
            text = render_op_text(rendering, operation).splitlines()
            lines.append(" ".join(line.strip() for line in text))
        return []

    # Looking makes no alembic_version.
    with EnvironmentContext(config, scripts, fn=compare, dont_mutate=True):
        scripts.run_env()
    return Differences(lines, are_renames(found))


def _flat(operations: Iterable[MigrateOperation]) -> Iterator[MigrateOperation]:
    """Yield `operations` one by one, where Alembic has put those of a table together."""
    for operation in operations:
        if isinstance(operation, ModifyTableOps):
            yield from _flat(operation.ops)
        else:
            yield operation
