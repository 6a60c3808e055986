"""`flask db doctor`: how the database is, and what to do about it."""

import json
import sys
from dataclasses import asdict, dataclass

from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from ..models import import_all_models
from ..settings import SettingsError
from .comparison import differences
from .engine import connect
from .parsing import masked
from .server import DRIVER, blocking_sessions, ping_command, server_version
from .status import State, database_status
from .url import migration_url, url_source

TIMEOUT = 5  # seconds to wait for the server

# 1 and 2 are what Python and the command line's parser exit with.
EXIT_CODES = {
    State.UP_TO_DATE: 0,
    State.BEHIND: 3,
    State.AHEAD: 4,
    State.EMPTY: 5,
    State.UNSTAMPED: 6,
    State.TWO_HEADS: 7,
    State.UNREACHABLE: 8,
    State.DRIFTED: 9,
    State.MISCONFIGURED: 10,
}


@dataclass
class Report:
    """What was found, as `--json` prints it; None stands for what could not be looked at."""

    state: State = State.MISCONFIGURED
    sentence: str = ""
    next: str = ""
    url: str | None = None
    source: str | None = None
    server: str | None = None
    driver: str = DRIVER
    current: tuple[str, ...] | None = None
    pending: tuple[str, ...] | None = None
    drift: list[str] | None = None
    blocking: list[str] | None = None


def doctor(config: Config, as_json: bool = False) -> None:
    """Say how the database is, and the command to type next."""
    report = examine(ScriptDirectory.from_config(config))
    print(json.dumps(asdict(report), indent=2) if as_json else _text(report))
    sys.exit(EXIT_CODES[report.state])


def examine(scripts: ScriptDirectory) -> Report:
    """Return what can be found out, whether the app starts and the server answers or not.

    Args:
        scripts: the revision files.
    """
    report = Report()
    try:
        url = migration_url()
        report.url, report.source = masked(url), url_source()
    except Exception as error:  # noqa: BLE001 - the configuration is code too
        report.sentence = _line(error)
        return report
    try:
        with connect(url, TIMEOUT) as connection:
            _look(connection, scripts, report)
    except (CommandError, SQLAlchemyError) as error:
        report.state, report.next = State.UNREACHABLE, ping_command(url)
        report.sentence = _line(error)
    return report


def _look(connection: Connection, scripts: ScriptDirectory, report: Report) -> None:
    try:
        import_all_models()
        broken = ""
    except Exception as error:  # noqa: BLE001 - the models are anybody's code
        broken = f"The models cannot be imported: {_line(error)}"
    report.server = server_version(connection)
    status = database_status(connection, scripts)
    report.state, report.sentence, report.next = status.state, status.sentence, status.command
    report.current, report.pending = status.current, status.pending
    report.blocking = _blocking_sessions(connection)
    if status.state is State.UP_TO_DATE and broken:
        report.state, report.sentence = State.MISCONFIGURED, broken
    elif status.state is State.UP_TO_DATE:
        _compare(connection, scripts, report)


def _compare(connection: Connection, scripts: ScriptDirectory, report: Report) -> None:
    try:
        report.drift = differences(connection, scripts)
    except CommandError as error:
        report.state, report.sentence = State.DRIFTED, str(error)
        return
    if report.drift:
        report.state = State.DRIFTED
        report.sentence = (
            f"The database is at {', '.join(report.current or ())}, but it is not what the models"
            f" say: {len(report.drift)} operation{'s' * (len(report.drift) > 1)} away."
        )
        report.next = 'alembic revision --autogenerate -m "mend the drift"'


def _blocking_sessions(connection: Connection) -> list[str] | None:
    try:
        return blocking_sessions(connection)
    except SQLAlchemyError:
        # Not every user may see the others' sessions.
        connection.rollback()
        return None


def _line(error: Exception) -> str:
    """Return an error's message in one line."""
    reason = getattr(error, "orig", None) or error
    name = "" if isinstance(error, (CommandError, SettingsError)) else f"{type(reason).__name__}: "
    return name + " ".join(str(reason).split())


def _text(report: Report) -> str:
    def listed(items: list[str] | tuple[str, ...] | None) -> str:
        return "not looked at" if items is None else "\n           ".join(items) or "none"

    lines = [
        report.sentence,
        *([f"Next: {report.next}"] if report.next else []),
        "",
        f"database   {report.url or 'unknown'}",
        f"from       {report.source or 'unknown'}",
        f"server     {report.server or 'unknown'}",
        f"driver     {report.driver}",
        f"pending    {listed(report.pending)}",
        f"drift      {listed(report.drift)}",
        f"blocking   {listed(report.blocking)}",
    ]
    return "\n".join(lines)
