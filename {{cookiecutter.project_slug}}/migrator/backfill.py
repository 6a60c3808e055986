"""Changes many rows in batches, so that no one waits long for a lock."""

import logging
import time
from contextlib import nullcontext
from typing import Any

import sqlalchemy as sa
from alembic import op
from alembic.runtime.migration import MigrationContext

log = logging.getLogger("alembic.backfill")

PROGRESS_INTERVAL = 5  # seconds


def backfill(
    update: sa.Update, key: sa.ColumnElement[Any], *, batch_size: int = 1000, pause: float = 0.1
) -> None:
    """Run an UPDATE on the rows that its WHERE selects, in the order of `key`.

    Each batch is committed at once, together with what came before it in the revision: give a
    backfill a separate revision. A run that was stopped continues where it was, because its WHERE
    no longer selects the rows that are done.

    Args:
        update: on a table that the revision defines itself, with `sa.table`: the models
            change, the revision stays. Its WHERE must tell the rows that are still to do.
        key: a column of that table with an index and no duplicates, as the primary key.
        batch_size: how many rows are changed, and locked, at once.
        pause: seconds between two batches, for everybody else.

    Raises:
        ValueError: the UPDATE has no WHERE.
    """
    if update.whereclause is None:
        raise ValueError("backfill() needs a WHERE that tells the rows that are still to do")
    context = op.get_context()
    if context.as_sql:
        op.execute(update)
        return
    to_do = sa.select(key).where(update.whereclause).order_by(key).limit(batch_size)
    # In one transaction with the rest, a pause would only hold the locks for longer.
    commits = _commits(context)
    with context.autocommit_block() if commits else nullcontext():
        connection = context.connection
        assert connection is not None
        done, reported = 0, time.monotonic()
        keys = connection.scalars(to_do).all()
        while keys:
            connection.execute(update.where(key.between(keys[0], keys[-1])))
            done += len(keys)
            if time.monotonic() > reported + PROGRESS_INTERVAL:
                log.info("%s up to %s: %d rows", key, keys[-1], done)
                reported = time.monotonic()
            if commits:
                time.sleep(pause)
            keys = connection.scalars(to_do.where(key > keys[-1])).all()
    log.info("%s: all %d rows", key, done)


def _commits(context: MigrationContext) -> bool:
    """Return whether batches can be committed by themselves.

    Not inside a transaction that a program has begun, and not where all revisions are one
    transaction, whose lock also keeps a second migration out.
    """
    one_for_all = context.impl.transactional_ddl and not context.opts.get(
        "transaction_per_migration", False
    )
    return not (one_for_all or context._in_external_transaction)
