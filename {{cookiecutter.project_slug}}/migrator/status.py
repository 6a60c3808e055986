"""Where the database stands, compared with this code's revisions."""

from enum import StrEnum
from typing import NamedTuple

import sqlalchemy as sa
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError

from .dialect.server import is_unwanted_standby
from .project import Project
from .revisions.selecting import replaced_by, rival_heads


class State(StrEnum):
    """How a database relates to the revision files."""

    UP_TO_DATE = "up to date"
    BEHIND = "behind"
    AHEAD = "ahead"
    EMPTY = "empty"
    UNSTAMPED = "unstamped"
    SQUASHED = "squashed"
    TWO_HEADS = "two heads"
    STANDBY = "standby"
    UNREACHABLE = "unreachable"


# Of `flask db doctor` and `flask db wait`; 1 and 2 are what Python and the command line's parser
# exit with.
EXIT_CODES: dict[str, int] = {
    State.UP_TO_DATE: 0,
    State.BEHIND: 3,
    State.AHEAD: 4,
    State.EMPTY: 5,
    State.UNSTAMPED: 6,
    State.TWO_HEADS: 7,
    State.UNREACHABLE: 8,
    State.SQUASHED: 11,
    State.STANDBY: 12,
}


class Status(NamedTuple):
    """The state of a database, with what led to it.

    Attributes:
        state: the state.
        sentence: the same, for a person to read.
        command: what to type next; empty when there is nothing to do.
        current: the revisions that the database is at.
        heads: the newest revisions of the files.
        pending: the revisions that the database lacks, in the order in which they apply.
        kept: those revisions that the database is at beside one that has no file.
        replacement: the revision that replaces the one that has no file.
        is_complete: whether the database has all that the replacement does.
    """

    state: State
    sentence: str
    command: str = ""
    current: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    replacement: str = ""
    is_complete: bool = False


def database_status(
    connection: sa.Connection, scripts: ScriptDirectory, project: Project
) -> Status:
    """Return how the database and the revision files relate.

    Args:
        connection: to the database; it is only read.
        scripts: the revision files.
        project: says where the current revision is noted. Its models are loaded where no
            revision is noted, to recognise their tables.
    """
    status = _compare(connection, scripts, project)
    if is_unwanted_standby(connection):
        standby = "The server is a standby, which takes no changes: use the primary."
        return status._replace(
            state=State.STANDBY, sentence=f"{standby} {status.sentence}", command=""
        )
    return status._replace(command=project.command(status.command))


def _compare(connection: sa.Connection, scripts: ScriptDirectory, project: Project) -> Status:
    current = current_revisions(connection, project)
    at, heads = ", ".join(current), tuple(scripts.get_heads())
    if rivals := rival_heads(scripts):
        sentence = (
            f"The revision files have {len(rivals)} heads: {' and '.join(rivals)}. If that is meant,"
            " give each one's branch a label."
        )
        command = f'alembic merge -m "merge" {" ".join(rivals)}'
        return Status(State.TWO_HEADS, sentence, command, current, tuple(rivals))
    unknown = tuple(revision for revision in current if not _is_known(revision, scripts))
    if unknown:
        kept = tuple(revision for revision in current if revision not in unknown)
        return _of_unknown(unknown, kept, scripts)
    try:
        newest_first = scripts.iterate_revisions("heads", current, implicit_base=True)
        pending = tuple(script.revision for script in newest_first)[::-1]
    except RevisionError:
        there = tuple(s.revision for s in scripts.walk_revisions() if s.revision in current)
        sentence = (
            f"The database says it is at {', '.join(there)}, but some of these precede others."
        )
        return Status(State.TWO_HEADS, sentence, f"alembic stamp --purge {there[0]}", there)
    if not pending:
        sentence = f"The database is up to date, at {at or 'no revision: there is none yet'}."
        return Status(State.UP_TO_DATE, sentence, "", current, heads)
    state, command = State.EMPTY, "alembic upgrade head" + "s" * (len(heads) > 1)
    sentence = "The database has none of the models' tables, and was never migrated."
    if current:
        state, count = State.BEHIND, len(pending)
        sentence = f"The database is {count} revision{'s' * (count > 1)} behind, at {at}."
    elif _has_tables(connection, project.load_metadata()):
        state, command = State.UNSTAMPED, "flask db adopt"
        sentence = "The database has tables of the models, but no revision is noted in it."
    return Status(state, sentence, command, current, heads, pending)


def _of_unknown(
    unknown: tuple[str, ...], kept: tuple[str, ...], scripts: ScriptDirectory
) -> Status:
    """Return the status of a database at revisions that have no file, beside others."""
    replacement, is_complete = replaced_by(scripts, unknown)
    state, command = State.AHEAD, f"git log --all --oneline -- '*{unknown[0]}*.py'"
    where = (
        "which this code does not have: a newer release migrated it, and has to be deployed to"
        " migrate it further, or it was squashed, and no revision `replaces` it"
    )
    if is_complete:
        state, command = State.SQUASHED, "flask db adopt"
        where = f"the last one of those that {replacement} replaces"
    elif replacement:
        state = State.SQUASHED
        where = (
            f"in the middle of those that {replacement} replaces: upgrade it with code that still"
            " has them"
        )
    sentence = f"The database is at revision {', '.join(unknown)}, {where}."
    heads = tuple(scripts.get_heads())
    return Status(state, sentence, command, unknown, heads, (), kept, replacement, is_complete)


def current_revisions(connection: sa.Connection, project: Project) -> tuple[str, ...]:
    """Return the revisions that the database is at."""
    # Alembic's own way to ask logs two lines each time.
    name, schema = project.version_table, project.version_table_schema
    if not sa.inspect(connection).has_table(name, schema):
        return ()
    versions = sa.table(name, sa.column("version_num", sa.String), schema=schema)
    return tuple(connection.scalars(sa.select(versions.c.version_num)))


def _is_known(revision: str, scripts: ScriptDirectory) -> bool:
    try:
        # Alembic also accepts the beginning of a revision's identifier.
        return scripts.get_revision(revision).revision == revision
    except CommandError:
        return False


def _has_tables(connection: sa.Connection, metadata: sa.MetaData) -> bool:
    """Return whether any table of the models is there; others are somebody else's."""
    inspector = sa.inspect(connection)
    tables = metadata.tables.values()
    there = {
        (schema, name)
        for schema in {table.schema for table in tables}
        for name in inspector.get_table_names(schema)
    }
    return any((table.schema, table.name) in there for table in tables)
