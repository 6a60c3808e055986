"""The migration lock of a cluster: a row, because the server's own locks are known to one node.

Nodes certify what commits, so of several INSERTs at once, by themselves and on different nodes,
one succeeds: 60 of 60 times on three nodes of MariaDB 10.11 with Galera 4. `GET_LOCK` and `SELECT …
FOR UPDATE` were granted on several nodes at once.
"""

import logging
import os
import secrets
import socket
import time
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import Any, Self

from alembic.util import CommandError
from pymysql.constants import ER
from sqlalchemy import Connection, CursorResult, TextClause, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from ..limits import lock_wait

log = logging.getLogger("alembic.lock")

BEAT = 1  # seconds between two signs of life, and between two looks for them
# How many writes of a waiter's a holder may let pass without a sign of life. Not seconds: DDL
# stops the writes of all nodes, the holder's own ones too.
EXPIRY = 20

LOST = (
    "This migration gave no sign of life for so long that another one has taken the lock. Run the"
    " command again: it goes on from what the database is at then."
)

_TABLE = text("""
    CREATE TABLE IF NOT EXISTS alembic_lease (
        name VARCHAR(100) PRIMARY KEY, holder VARCHAR(200) NOT NULL, beat BIGINT NOT NULL
    ) ENGINE = InnoDB
""")
_TAKE = text("INSERT INTO alembic_lease VALUES (:name, :holder, 0)")
_BEAT = text("UPDATE alembic_lease SET beat = beat + 1 WHERE name = :name AND holder = :holder")
_LEAVE = text("DELETE FROM alembic_lease WHERE name = :name AND holder = :holder")
_LOOK = text("SELECT holder, beat FROM alembic_lease WHERE name = :name")
_EXPIRE = text("DELETE FROM alembic_lease WHERE name = :name AND holder = :holder AND beat = :beat")
_WRITE = text("""
    INSERT INTO alembic_lease VALUES (:name, 'all who wait', 0)
    ON DUPLICATE KEY UPDATE beat = beat + 1
""")
# Another node was first, or somebody has the row just now: neither says who holds the lease.
_CONFLICTS = (ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT)


class Lease:
    """A context manager in which this process holds the lease, and gives signs of life."""

    def __init__(self, connection: Connection, name: str) -> None:
        """Take nothing yet.

        Args:
            connection: for this object alone, which closes it.
            name: what is locked, of 64 characters at most.
        """
        self._connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        host = socket.gethostname()[:64]
        # The same process number comes back, in a container at each start.
        self._me = {
            "name": name,
            "holder": f"process {os.getpid()} on {host}, run {secrets.token_hex(4)}",
        }
        self._one_at_a_time = Lock()
        self._end = Event()
        self._thread = Thread(target=self._live, daemon=True)
        self._error: DBAPIError | None = None

    def __enter__(self) -> Self:
        """Wait for the lease.

        Raises:
            CommandError: another process held it for longer than `MIGRATION_WAIT`.
        """
        # DDL would stop the whole cluster.
        if not self._connection.dialect.has_table(self._connection, "alembic_lease"):
            self._execute(_TABLE)
        deadline = time.monotonic() + lock_wait()
        seen: dict[str, Any] | None = None
        silence = 0
        while not self._take():
            # A node that has written has applied what the others wrote before.
            has_written = self._execute(_WRITE, name=f"{self._me['name']} (waiting)") is not None
            found = self._look()
            if found is None:
                continue
            if found == seen:
                silence += has_written
            else:
                if seen is None:
                    log.info("Waiting for another migration: %s", found["holder"])
                seen, silence = found, 0
            if silence > EXPIRY:
                log.warning("No sign of life any more of another migration: %s", found["holder"])
                self._execute(_EXPIRE, **found)
                continue
            if time.monotonic() > deadline:
                raise CommandError(
                    f"Another migration has held the lock for {lock_wait():g} s (MIGRATION_WAIT):"
                    f" {found['holder']}."
                )
            time.sleep(BEAT)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Give the lease back, if that is still possible; otherwise it expires."""
        self._end.set()
        # It hangs where the network does.
        self._thread.join(5 * BEAT)
        if not self._thread.is_alive():
            with suppress(DBAPIError):
                self._execute(_LEAVE)
                self._connection.close()

    def check(self) -> None:
        """Make sure that no other process holds the lease.

        Raises:
            CommandError: one does.
            DBAPIError: the database could not be asked, now or at the last sign of life.
        """
        if self._error is not None:
            raise self._error
        while (result := self._execute(_BEAT)) is None:
            time.sleep(BEAT)
        if not result.rowcount:
            raise CommandError(LOST)

    def is_lost(self) -> bool:
        """Return whether another process is known to hold the lease."""
        try:
            self.check()
        except CommandError:
            return True
        except DBAPIError:
            pass
        return False

    def _live(self) -> None:
        while not self._end.wait(BEAT):
            try:
                self._execute(_BEAT)
            except DBAPIError as error:
                self._error = error
                return

    def _take(self) -> bool:
        try:
            return self._execute(_TAKE) is not None
        except IntegrityError:
            return False

    def _look(self) -> dict[str, Any] | None:
        result = self._execute(_LOOK)
        row = result and result.mappings().first()
        return dict(row) if row else None

    def _execute(self, statement: TextClause, **values: Any) -> CursorResult[Any] | None:
        """Execute a statement of this lease's and return its result; None after a conflict."""
        try:
            with self._one_at_a_time:
                return self._connection.execute(statement, self._me | values)
        except OperationalError as error:
            if error.orig is None or error.orig.args[0] not in _CONFLICTS:
                raise
            return None
