"""What the migrator is told about this app."""

import sys
from typing import Any

from migrator.project import Project
from sqlalchemy import URL, Engine, MetaData, create_engine

from ..settings import current_environment
from .engine import OPTIONS, listen
from .url import database_url, owner_url, url_source


def load_metadata() -> MetaData:
    """Return the tables of all models."""
    # Imported late: most migrations need neither the models nor the ORM.
    from ..models import import_all_models
    from .base import Base

    import_all_models()
    return Base.metadata


def engine() -> Engine:
    """Return the engine of the app in context, else one for the environment's database."""
    if app := current_app():
        app_engine: Engine = app.extensions["sqlalchemy"].engine
        return app_engine
    # Who migrates as another user need not know the app's URL.
    new_engine = create_engine(owner_url() or database_url(), **OPTIONS)
    listen(new_engine)
    return new_engine


def migration_owner_url() -> URL | None:
    """Return the URL of the user who migrates the database of `engine`, if it has another."""
    app = current_app()
    url: URL | None = app.config["MIGRATION_DATABASE_URL"] if app else owner_url()
    return url


def ready_when_ahead() -> bool:
    """Return what the app's configuration says of a database that is newer than the app."""
    # Imported late: it imports Flask.
    from ..config import CLASSES

    return CLASSES[current_environment()].READY_WHEN_AHEAD


def current_app() -> Any:
    """Return the app in whose context a program migrates; None without one. Imports no Flask."""
    flask = sys.modules.get("flask")
    if flask is None or not flask.has_app_context():
        return None
    return flask.current_app if "sqlalchemy" in flask.current_app.extensions else None


PROJECT = Project(
    package=__name__.partition(".")[0],
    load_metadata=load_metadata,
    engine=engine,
    owner_url=migration_owner_url,
    url_source=url_source,
    environment=current_environment,
    ready_when_ahead=ready_when_ahead,
)
