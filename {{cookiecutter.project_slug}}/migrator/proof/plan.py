"""`flask db plan`: what the pending revisions will do to the database, before they do it."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace

from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, NullPool, create_engine

from ..dialect.measuring import MEASURES_LOCKS, NOTE, sizes
from ..dialect.server import blocking_sessions, server_version
from ..engine import connect_as_owner
from ..limits import lock_retries, lock_timeout
from ..project import Project, load_project
from ..revisions.effects import Effect, Size, Waiting
from ..revisions.losses import losses
from ..revisions.sql import newest_at
from ..status import State, database_status
from .recorder import Statement, measured
from .throwaway import empty_database, server

TIMEOUT = 5  # seconds to wait for the live server
# Where a plan can be made.
_PLANNED = (State.BEHIND, State.EMPTY, State.STANDBY, State.UP_TO_DATE)


@dataclass(frozen=True)
class Plan:
    """What is about to happen, as `--json` prints it; None stands for what is not known.

    Attributes:
        sentence: where the database is, for a person to read.
        server: the live one.
        measured_on: the server that the statements were measured on.
        pending: the revisions, in their order, each with what it says of itself.
        statements: what they execute.
        sizes: of the live tables that these touch, by their name.
        irreversible: what cannot be undone, by revision.
        holders: sessions that hold tables now, and that a statement would wait for.
        lock_timeout: seconds that a statement waits for a lock.
        lock_retries: how often it is tried again.
        note: what else is to be known of this database.
    """

    sentence: str
    server: str | None
    measured_on: str | None = None
    pending: dict[str, str] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)
    sizes: dict[str, Size] = field(default_factory=dict)
    irreversible: dict[str, list[str]] = field(default_factory=dict)
    holders: list[str] | None = None
    lock_timeout: float | None = None
    lock_retries: int | None = None
    note: str = NOTE


def plan(config: Config, as_json: bool, as_markdown: bool, since: str | None) -> None:
    """Print what the pending revisions will do.

    Args:
        config: Alembic's configuration, of this project.
        as_json: print it for machines.
        as_markdown: print it for a pull request.
        since: plan the revisions that this git commit lacks, and ask no live database.

    Raises:
        CommandError: the database's state allows no plan, it cannot be reached, or a revision
            fails on the throw-away database.
        SettingsError: a setting is wrong, or there is no server for a throw-away database.
    """
    project = load_project(config)
    scripts = ScriptDirectory.from_config(config)
    with project.context(None):
        start = _since(since, project, scripts) if since else _look(project, scripts)
    made = _measured(start, project, scripts) if start.pending else start
    if as_json:
        found = [
            {**asdict(one), "stops_writers": bool(one.stopped), "safe_form": one.safe_form}
            for one in made.statements
        ]
        print(json.dumps({**asdict(made), "statements": found}, indent=2))
    elif made.pending:
        print("\n".join(_markdown(made) if as_markdown else _text(made)))
    else:
        print(f"{made.sentence} Nothing is pending.")


def _look(project: Project, scripts: ScriptDirectory) -> Plan:
    """Read the live database; nothing in it is locked but what SELECT locks in the catalogue."""
    with connect_as_owner(project, TIMEOUT) as connection:
        status = database_status(connection, scripts, project)
        if status.state not in _PLANNED:
            raise CommandError(f"{status.sentence} Next: {status.command}")
        return Plan(
            status.sentence,
            server_version(connection),
            pending=_docs(scripts, status.pending),
            sizes=sizes(connection),
            holders=blocking_sessions(connection) if MEASURES_LOCKS else None,
        )


def _since(commit: str, project: Project, scripts: ScriptDirectory) -> Plan:
    """Return the revisions that a commit lacks as those that are pending."""
    start = tuple(newest_at(commit, project.section).split())
    newest_first = scripts.iterate_revisions("heads", start, implicit_base=True)
    pending = [script.revision for script in newest_first][::-1]
    count = f"{len(pending)} revision{'s' * (len(pending) != 1)}"
    return Plan(f"{commit} lacks {count}.", None, pending=_docs(scripts, pending))


def _docs(scripts: ScriptDirectory, revisions: Iterable[str]) -> dict[str, str]:
    return {script.revision: script.doc for script in scripts.get_revisions(revisions)}


def _measured(plan: Plan, project: Project, scripts: ScriptDirectory) -> Plan:
    """Return a plan with what its pending revisions do on a throw-away database."""
    pending = scripts.get_revisions([*plan.pending])
    with _throw_away() as connection:
        try:
            statements = measured(connection, project.section, pending)
        except Exception as error:
            reason = " ".join(str(getattr(error, "orig", None) or error).split())
            raise CommandError(
                f"The revisions fail on the throw-away database, which has no rows: {reason}"
            ) from error
        version = server_version(connection)
        lost = {script.revision: losses(script, connection.dialect.name) for script in pending}
    touched = {effect.table for found in statements for effect in (*found.effects, *found.held)}
    return replace(
        plan,
        measured_on=version,
        statements=statements,
        sizes={name: size for name, size in plan.sizes.items() if name in touched},
        irreversible={revision: found for revision, found in lost.items() if found},
        lock_timeout=lock_timeout() if MEASURES_LOCKS else None,
        lock_retries=lock_retries() if MEASURES_LOCKS else None,
    )


@contextmanager
def _throw_away() -> Iterator[Connection]:
    with server() as base, empty_database(base) as url:
        engine = create_engine(url, poolclass=NullPool)
        with engine.connect() as connection:
            yield connection


def _text(plan: Plan) -> Iterator[str]:
    yield plan.sentence
    yield _servers(plan)
    for revision, doc in plan.pending.items():
        yield f"\n{revision}  {doc}"
        own = [found for found in plan.statements if found.revision == revision]
        for statement in own:
            yield f"  {_place(statement)}  {statement.sql}"
            rows = [_cells(plan, statement, effect) for effect in _shown(statement)]
            widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
            for row in rows:
                cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
                yield f"      {'  '.join(cells)}".rstrip()
            if advice := _advice(statement):
                yield f"      Safer: {advice}"
        if not own:
            yield "  no statement"
        yield from (f"  Irreversible: {what}" for what in plan.irreversible.get(revision, ()))
    yield ""
    yield from _rest(plan)


def _markdown(plan: Plan) -> Iterator[str]:
    yield f"### What the new revisions do\n\n{plan.sentence} {_servers(plan)}\n"
    yield "| statement | table | size | lock | work | who waits |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for statement in plan.statements:
        sql = statement.sql.replace("|", "\\|").replace("`", "'")
        first = f"`{sql}` ({_place(statement)})"
        if advice := _advice(statement):
            first += f"<br>Safer: {advice}"
        for effect in _shown(statement) or (None,):
            cells = ("", "", "", "", "") if effect is None else _cells(plan, statement, effect)
            yield f"| {' | '.join((first, *cells))} |"
            first = ""
    yield ""
    for revision, found in plan.irreversible.items():
        yield f"- Irreversible, {revision}: {'; '.join(found)}"
    yield from (f"- {line}" for line in _rest(plan))


def _servers(plan: Plan) -> str:
    live = f" The database is on {plan.server}." if plan.server else ""
    return f"Measured on {plan.measured_on}, on tables without rows.{live}"


def _rest(plan: Plan) -> Iterator[str]:
    if plan.irreversible:
        first = next(iter(plan.irreversible))
        yield (
            f"A restore point is due before {first}: a backup, or the time to recover to. No"
            " downgrade brings back what is lost."
        )
    if plan.lock_timeout is not None:
        yield (
            f"A statement waits {plan.lock_timeout:g} s for a lock (MIGRATION_LOCK_TIMEOUT), and is"
            f" tried {plan.lock_retries} times more (MIGRATION_LOCK_RETRIES)."
        )
    if plan.note:
        yield plan.note
    if plan.holders is not None:
        yield f"Sessions that it would wait for now: {'; '.join(plan.holders) or 'none'}."


def _shown(statement: Statement) -> tuple[Effect, ...]:
    """Return what a statement does, and what is locked while it takes long."""
    named = {effect.table for effect in statement.effects if effect.stops_writers}
    held = tuple(effect for effect in statement.held if effect.table not in named)
    return statement.effects + (held if statement.is_long else ())


def _cells(plan: Plan, statement: Statement, effect: Effect) -> tuple[str, ...]:
    """Return a table, its size, its lock, what is done to its rows, and who waits."""
    size = plan.sizes.get(effect.table, Size())
    parts = [] if size.rows is None else [f"{size.rows:,} row{'s' * (size.rows != 1)}"]
    parts += [] if size.bytes is None else [f"{size.bytes / 2**20:,.1f} MiB"]
    lock, waiting = effect.lock, str(effect.waiting)
    if effect not in statement.effects:
        lock += ", still held"
    if effect.waiting is not Waiting.NOBODY:
        waiting += " wait as long as it takes" if statement.is_long else " wait briefly"
    return effect.table, ", ".join(parts), lock, effect.work, waiting if lock else ""


def _place(statement: Statement) -> str:
    return f"line {statement.lines[0]}"


def _advice(statement: Statement) -> str:
    is_slow = statement.stopped or any(e.waiting is Waiting.SAME_ROWS for e in statement.effects)
    return statement.safe_form if is_slow else ""
