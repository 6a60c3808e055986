"""The door between the app and the migrator: all that the migrator knows of an app."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from importlib import import_module

from alembic.config import Config
from sqlalchemy import URL, Connection, Engine, MetaData

from .errors import SettingsError


def always() -> bool:
    """Return True."""
    return True


def no_context(connection: Connection | None) -> AbstractContextManager[object]:
    """Return a context that does nothing: for models and revisions that need no app."""
    return nullcontext()


@dataclass(frozen=True, kw_only=True)
class Project:
    """An app with one database and one history of revisions.

    Attributes:
        package: the app's package. Revisions must not import it, because it changes.
        load_metadata: imports the models and returns their MetaData.
        engine: returns the engine whose URL, options and events migrations use, as a rule the
            app's own. It is called inside `context`.
        owner_url: returns the URL of the user who migrates, or None where that is the engine's.
            It is called inside `context`.
        url_source: returns where the URL of migrations comes from, for people to read.
        environment: returns `local`, `development`, `staging` or `production`.
        context: the context manager in which models load and revisions run. It takes the
            connection that a program handed over, or None.
        ready_when_ahead: returns whether this release serves from a database that a newer one has
            migrated. It is called inside `context`.
        section: of alembic.ini, which names this Project; `load_project` fills it in.
        version_table: the table that holds the current revision.
        version_table_schema: that table's schema; None for the default schema.
        baseline: the last revision, or revisions, of a history that began elsewhere. The tests
            judge what is newer.
        convention_until: the last revision, or revisions, that the models' naming convention
            names constraints for. Newer ones name all of theirs, as autogenerate writes them.
        safe_forms: whether autogenerate changes tables in use so that their users need not wait,
            where the database can do that: some changes are then several revisions.
    """

    package: str
    load_metadata: Callable[[], MetaData]
    engine: Callable[[], Engine]
    owner_url: Callable[[], URL | None]
    url_source: Callable[[], str]
    environment: Callable[[], str]
    context: Callable[[Connection | None], AbstractContextManager[object]] = no_context
    ready_when_ahead: Callable[[], bool] = always
    section: str = "alembic"
    version_table: str = "alembic_version"
    version_table_schema: str | None = None
    baseline: str | tuple[str, ...] = ()
    convention_until: str | tuple[str, ...] = ()
    safe_forms: bool = True

    def command(self, words: str) -> str:
        """Return a command of `alembic` or `flask db` for this database, as it is typed.

        Args:
            words: the command for the first database.
        """
        if self.section == "alembic":
            return words
        return re.sub("^(alembic|flask db) ", rf"\1 -n {self.section} ", words)


def load_project(config: Config) -> Project:
    """Return the Project that alembic.ini names: `[migrator] project = package.module:NAME`.

    A section that `alembic -n` names has its own line `project = …`.

    Args:
        config: Alembic's configuration, with a file.

    Raises:
        SettingsError: the file does not name a Project.
    """
    name = config.get_main_option("project")
    if name is None and config.config_ini_section == "alembic":
        name = config.file_config.get("migrator", "project", fallback=None)
    module, _, attribute = (name or "").partition(":")
    if not attribute:
        section = config.config_ini_section.replace("alembic", "migrator")
        raise SettingsError(
            f"{config.config_file_name} has no line `project = package.module:NAME` in [{section}]."
        )
    project = getattr(import_module(module), attribute, None)
    if not isinstance(project, Project):
        raise SettingsError(f"{config.config_file_name}: {name} is not a migrator.project.Project.")
    return replace(project, section=config.config_ini_section)
