"""Whether the app can serve from its database: a status that is cached and never keeps one waiting."""

import logging
import time
from concurrent.futures import Future
from functools import cached_property
from threading import Lock, Thread

from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from .engine import beside_the_pool, connect
from .paths import INI
from .project import Project, load_project
from .status import State, Status, database_status

__all__ = ["Readiness", "State", "Status"]

log = logging.getLogger(__name__)

CACHE = 5  # seconds that an answer holds
PATIENCE = 1  # seconds that a request waits for an answer
TIMEOUT = 2  # seconds that the server has for each step


class Readiness:
    """The status of one database, asked in a thread of which there is one at most."""

    def __init__(self, engine: Engine, section: str = "alembic") -> None:
        """Ask nothing yet.

        Args:
            engine: the app's engine, as the user that serves. Its database has to fit the
                revisions and models of the Project that alembic.ini names.
            section: of alembic.ini, which `alembic -n` names for a second database.
        """
        self._engine = beside_the_pool(engine)
        self._section = section
        self._lock = Lock()
        self._asked = -float("inf")
        self._answer: Future[Status] | None = None
        self._logged = ""

    def status(self) -> Status:
        """Return the database's status, as it was at most `CACHE` seconds ago.

        It is `UNREACHABLE` when there is no answer after `PATIENCE` seconds. A question that
        hangs is not asked a second time until it ends.
        """
        with self._lock:
            answer = self._answer
            if answer is None or (answer.done() and time.monotonic() >= self._asked + CACHE):
                answer = self._answer = Future()
                self._asked = time.monotonic()
                Thread(target=self._ask, args=(answer,), daemon=True).start()
            patience = max(0, self._asked + PATIENCE - time.monotonic())
        try:
            return answer.result(patience)
        except TimeoutError:
            return Status(State.UNREACHABLE, "The database does not answer.")

    def status_now(self) -> Status:
        """Return the database's status as it is now, by the revision files as they are now.

        It is for a developer, who writes revisions while the app runs, and takes as long as the
        database takes to answer.
        """
        return self._read(*_expected(self._section))

    # A release has the same files as long as it runs.
    @cached_property
    def _expected(self) -> tuple[ScriptDirectory, Project]:
        return _expected(self._section)

    def _ask(self, answer: Future[Status]) -> None:
        status = Status(State.UNREACHABLE, "The database's status cannot be read.")
        try:
            status = self._read(*self._expected)
        finally:
            answer.set_result(status)
        if status.sentence != self._logged and (
            self._logged or status.state is not State.UP_TO_DATE
        ):
            log.warning("%s", status.sentence)
        self._logged = status.sentence

    def _read(self, scripts: ScriptDirectory, project: Project) -> Status:
        try:
            with connect(self._engine, TIMEOUT) as connection:
                return database_status(connection, scripts, project)
        except (CommandError, SQLAlchemyError) as error:
            return Status(State.UNREACHABLE, str(error))


def _expected(section: str) -> tuple[ScriptDirectory, Project]:
    config = Config(INI, ini_section=section)
    return ScriptDirectory.from_config(config), load_project(config)
