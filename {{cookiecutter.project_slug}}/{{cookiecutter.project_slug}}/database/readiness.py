"""Whether the app may serve from its database: asked in the background, once in a while."""

import logging
import time
from concurrent.futures import Future
from functools import cached_property
from threading import Lock, Thread

from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from ..settings import ROOT
from .engine import connect
from .status import State, database_status

log = logging.getLogger(__name__)

CACHE = 5  # seconds that an answer holds
PATIENCE = 1  # seconds that a request waits for an answer
TIMEOUT = 2  # seconds that the server has for each step


class Readiness:
    """The state of one database, seen by a thread of its own, of which there is one at most."""

    def __init__(self, url: URL) -> None:
        """Ask nothing yet.

        Args:
            url: the app's database.
        """
        self._url = url
        self._lock = Lock()
        self._asked = -float("inf")
        self._answer: Future[State] | None = None
        self._logged = ""

    def state(self) -> State:
        """Return the database's state, as it was at most `CACHE` seconds ago.

        That is `UNREACHABLE` when there is no answer yet, after `PATIENCE` seconds at the
        latest. A question that hangs is not asked a second time until it ends.
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
            return State.UNREACHABLE

    @cached_property
    def _scripts(self) -> ScriptDirectory:
        # A release has the same files as long as it runs.
        return ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))

    def _ask(self, answer: Future[State]) -> None:
        state, sentence = State.UNREACHABLE, "The database's state cannot be read."
        try:
            with connect(self._url, TIMEOUT) as connection:
                status = database_status(connection, self._scripts)
            state, sentence = status.state, status.sentence
        except (CommandError, SQLAlchemyError) as error:
            sentence = str(error)
        finally:
            answer.set_result(state)
        if sentence != self._logged and (self._logged or state is not State.UP_TO_DATE):
            log.warning("%s", sentence)
        self._logged = sentence
