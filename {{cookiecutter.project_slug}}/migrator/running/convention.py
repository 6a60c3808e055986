"""The models' naming convention, which revisions do without."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from alembic.runtime.migration import MigrationContext, RevisionStep
from sqlalchemy import MetaData

from ..project import Project
from ..revisions.selecting import up_to


@contextmanager
def names_as_written(context: MigrationContext, project: Project) -> Iterator[None]:
    """Within, a revision makes the names that it has written out, and adds no convention to them.

    Alembic would give each revision the convention that the models have today, so that a history
    would make other names than it once did. Revisions up to `Project.convention_until` get it.

    Args:
        context: about to run the migrations.
        project: the app.
    """
    steps_of = context._migrations_fn
    assert steps_of is not None
    of_the_command, plain = context.opts["target_metadata"], MetaData()
    models = cache(project.load_metadata)

    def steps(heads: Any, context: MigrationContext) -> Iterator[Any]:
        # A generator: each step is asked for right before it runs.
        for step in steps_of(heads, context):
            is_old = isinstance(step, RevisionStep) and step.revision.revision in old
            context.opts["target_metadata"] = models() if is_old else plain
            yield step

    assert context.script is not None
    old = up_to(context.script, project.convention_until, "convention_until")
    context._migrations_fn = steps
    try:
        yield
    finally:
        context._migrations_fn = steps_of
        context.opts["target_metadata"] = of_the_command
