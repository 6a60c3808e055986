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
        current: the revisions that the database is at.
        heads: the newest revisions of the files.
        pending: the revisions that the database lacks, in the order in which they apply.
        reason: why the database is unreachable; of a standby, what its state would be.
        kept: those revisions that the database is at beside one that has no file.
        replacement: the revision that replaces the one that has no file.
        is_complete: whether the database has all that the replacement does.
    """

    state: State
    current: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    reason: str = ""
    kept: tuple[str, ...] = ()
    replacement: str = ""
    is_complete: bool = False

    @property
    def sentence(self) -> str:
        """The status, for a person to read."""
        current, heads = ", ".join(self.current), " and ".join(self.heads)
        match self.state:
            case State.BEHIND:
                count = len(self.pending)
                return f"The database is {count} revision{'s' * (count > 1)} behind, at {current}."
            case State.AHEAD:
                return (
                    f"The database is at revision {current}, which this code does not have: a"
                    " newer release migrated it, and has to be deployed to migrate it further, or"
                    " it was squashed, and no revision `replaces` it."
                )
            case State.EMPTY:
                return "The database has none of the models' tables, and was never migrated."
            case State.UNSTAMPED:
                return "The database has tables of the models, but no revision is noted in it."
            case State.SQUASHED if self.is_complete:
                return (
                    f"The database is at revision {current}, the last one of those that"
                    f" {self.replacement} replaces."
                )
            case State.SQUASHED:
                return (
                    f"The database is at revision {current}, in the middle of those that"
                    f" {self.replacement} replaces: upgrade it with code that still has them."
                )
            case State.TWO_HEADS if len(self.heads) > 1:
                return (
                    f"The revision files have {len(self.heads)} heads: {heads}. If that is meant,"
                    " give each one's branch a label."
                )
            case State.TWO_HEADS:
                return f"The database says it is at {current}, but some of these precede others."
            case State.STANDBY:
                return (
                    "The server is a standby, which takes no changes: use the primary."
                    f" {self.reason}"
                )
            case State.UNREACHABLE:
                return self.reason
            case State.UP_TO_DATE:
                return (
                    f"The database is up to date, at {current or 'no revision: there is none yet'}."
                )

    @property
    def command(self) -> str:
        """What to type next; empty when there is nothing to do."""
        match self.state:
            case State.BEHIND | State.EMPTY:
                return "alembic upgrade head" + "s" * (len(self.heads) > 1)
            case State.SQUASHED if self.is_complete:
                return "flask db adopt"
            case State.AHEAD | State.SQUASHED:
                return f"git log --all --oneline -- '*{self.current[0]}*.py'"
            case State.UNSTAMPED:
                return "flask db adopt"
            case State.TWO_HEADS if len(self.heads) > 1:
                return f'alembic merge -m "merge" {" ".join(self.heads)}'
            case State.TWO_HEADS:
                return f"alembic stamp --purge {self.current[0]}"
            case State.UP_TO_DATE | State.UNREACHABLE | State.STANDBY:
                return ""


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
        return status._replace(state=State.STANDBY, reason=status.sentence)
    return status


def _compare(connection: sa.Connection, scripts: ScriptDirectory, project: Project) -> Status:
    current = _current_revisions(connection, project)
    heads = tuple(scripts.get_heads())
    if rivals := rival_heads(scripts):
        return Status(State.TWO_HEADS, current, tuple(rivals))
    unknown = tuple(revision for revision in current if not _is_known(revision, scripts))
    if unknown:
        replacement, is_complete = replaced_by(scripts, unknown)
        state = State.SQUASHED if replacement else State.AHEAD
        kept = tuple(revision for revision in current if revision not in unknown)
        return Status(state, unknown, heads, (), "", kept, replacement, is_complete)
    try:
        newest_first = scripts.iterate_revisions("heads", current, implicit_base=True)
        pending = tuple(script.revision for script in newest_first)[::-1]
    except RevisionError:
        there = tuple(s.revision for s in scripts.walk_revisions() if s.revision in current)
        return Status(State.TWO_HEADS, there)
    if not pending:
        return Status(State.UP_TO_DATE, current, heads)
    if current:
        return Status(State.BEHIND, current, heads, pending)
    state = State.UNSTAMPED if _has_tables(connection, project.load_metadata()) else State.EMPTY
    return Status(state, current, heads, pending)


def _current_revisions(connection: sa.Connection, project: Project) -> tuple[str, ...]:
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
