"""What the migrator is told about this app."""

import sys
from typing import Any

from migrator.project import Project
from sqlalchemy import Engine, MetaData, create_engine

from ..models import import_all_models
from ..settings import current_environment
from .base import Base
from .engine import OPTIONS, listen
from .url import database_url, owner_url, url_source


def load_metadata() -> MetaData:
    """Return the tables of all models."""
    import_all_models()
    return Base.metadata


def engine() -> Engine:
    """Return an engine for the environment's database, or the app's where one is in context."""
    app = current_app()
    url = owner_url() if app is None else app.config["MIGRATION_DATABASE_URL"]
    if url is None and app is not None:
        app_engine: Engine = app.extensions["sqlalchemy"].engine
        return app_engine
    new_engine = create_engine(url or database_url(), **OPTIONS)
    listen(new_engine)
    return new_engine


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
    url_source=url_source,
    environment=current_environment,
)
