"""`flask db doctor`: how the database is, and what to do about it."""

import json
import sys
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from traceback import extract_tb

from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from ..autogenerate.comparison import differences
from ..dialect.server import (
    DRIVER,
    blocking_sessions,
    earlier_attempt,
    next_step,
    server_version,
    unsupported,
)
from ..engine import connect_as_owner, migration_url
from ..errors import SettingsError
from ..masking import masked
from ..paths import ROOT
from ..project import Project, load_project
from ..status import EXIT_CODES as OF_THE_STATUS
from ..status import State, database_status

TIMEOUT = 5  # seconds to wait for the server

# What only doctor finds out.
DRIFTED = "drifted"
MISCONFIGURED = "misconfigured"

EXIT_CODES: dict[str, int] = {**OF_THE_STATUS, DRIFTED: 9, MISCONFIGURED: 10}

# The next revision's message, by whether it does nothing but rename.
_MENDS = {False: "mend the drift", True: "rename constraints"}


@dataclass(frozen=True)
class Report:
    """What was found, as `--json` prints it; None stands for what is not known."""

    state: str
    sentence: str
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
    report = examine(config)
    print(json.dumps(asdict(report), indent=2) if as_json else _text(report))
    sys.exit(EXIT_CODES[report.state])


def examine(config: Config) -> Report:
    """Return what can be found out, whether the app starts and the server answers or not.

    Args:
        config: Alembic's configuration, of this project.
    """
    with ExitStack() as stack:
        try:
            project = load_project(config)
            stack.enter_context(project.context(None))
            url, source = migration_url(project), project.url_source()
        except Exception as error:  # noqa: BLE001 - the configuration is code too
            return Report(MISCONFIGURED, _line(error))
        try:
            with connect_as_owner(project, TIMEOUT) as connection:
                report = _look(connection, config, project)
        except (CommandError, SQLAlchemyError) as error:
            report = Report(State.UNREACHABLE, _line(error), next_step(url, str(error)))
        return replace(report, url=masked(url), source=source)


def _look(connection: Connection, config: Config, project: Project) -> Report:
    """Return what the server says, and what the models and revisions say of it."""
    server = server_version(connection)
    if reason := unsupported(connection):
        return Report(MISCONFIGURED, reason, server=server)
    try:
        project.load_metadata()
    except Exception as error:  # noqa: BLE001 - the models are anybody's code
        report = Report(
            MISCONFIGURED, f"The models cannot be imported: {_line(error)}{_place(error)}"
        )
    else:
        report = _compare(connection, config, project)
    blocking = None
    # Not every user may see the others' sessions.
    with suppress(SQLAlchemyError):
        blocking = blocking_sessions(connection)
    return replace(report, server=server, blocking=blocking)


def _compare(connection: Connection, config: Config, project: Project) -> Report:
    """Return the database's status, and where it is up to date, how it differs from the models."""
    scripts = ScriptDirectory.from_config(config)
    status = database_status(connection, scripts, project)
    report = Report(
        status.state,
        status.sentence,
        status.command,
        current=status.current,
        pending=status.pending,
    )
    if status.pending:
        script = scripts.get_revision(status.pending[0])
        if attempt := earlier_attempt(connection, script, bool(status.current)):
            start = status.current[0] if status.current else "base"
            report = replace(
                report,
                sentence=f"{status.sentence} {attempt}",
                next=project.command(f"alembic upgrade {start}:{script.revision} --sql"),
            )
    if status.state is not State.UP_TO_DATE:
        return report
    try:
        found = differences(connection, config, scripts)
    except CommandError as error:
        return replace(report, state=DRIFTED, sentence=str(error))
    if not found.lines:
        return replace(report, drift=found.lines)
    count, at = len(found.lines), ", ".join(status.current)
    sentence = (
        f"The database is at {at}, but it is not what the models say: {count}"
        f" operation{'s' * (count > 1)} away."
    )
    if found.in_names_only:
        sentence = (
            f"The database is at {at}, and differs from the models in nothing but the names of"
            f" {count} constraints or indexes: rename them, or give the models their names."
        )
    return replace(
        report,
        state=DRIFTED,
        drift=found.lines,
        sentence=sentence,
        next=project.command(f'alembic revision --autogenerate -m "{_MENDS[found.in_names_only]}"'),
    )


def _line(error: Exception) -> str:
    """Return an error's message in one line."""
    reason = getattr(error, "orig", None) or error
    name = "" if isinstance(error, (CommandError, SettingsError)) else f"{type(reason).__name__}: "
    return name + " ".join(str(reason).split())


def _place(error: Exception) -> str:
    """Return the last file and line of the app that led to an error, in parentheses."""
    frames = [(Path(frame.filename), frame.lineno) for frame in extract_tb(error.__traceback__)]
    own = [
        f" ({path.relative_to(ROOT)}:{line})"
        for path, line in frames
        if path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / "migrator")
    ]
    return own[-1] if own else ""


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
