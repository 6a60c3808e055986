"""What the migrator is told about this app."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app, has_app_context
from migrator.project import Project
from sqlalchemy import Connection, Engine, MetaData

from ..models import import_all_models
from ..settings import current_environment
from .base import Base
from .url import owner_url, url_source


def load_metadata() -> MetaData:
    """Return the tables of all models."""
    import_all_models()
    return Base.metadata


@contextmanager
def app_context(connection: Connection | None) -> Iterator[None]:
    """Run in the current app's context, else in that of a new app.

    Args:
        connection: one that a program migrates; a new app gets its URL.
    """
    if has_app_context() and "sqlalchemy" in current_app.extensions:
        yield
        return
    # Imported late: the app imports the models, and they import this package.
    from ..app import create_app

    url = None if connection is None else connection.engine.url
    with create_app(url and {"SQLALCHEMY_DATABASE_URI": url}).app_context():
        yield


def engine() -> Engine:
    """Return the current app's engine."""
    app_engine: Engine = current_app.extensions["sqlalchemy"].engine
    return app_engine


def ready_when_ahead() -> bool:
    """Return what the app's configuration says of a database that is newer than the app."""
    return bool(current_app.config["READY_WHEN_AHEAD"])


PROJECT = Project(
    package=__name__.partition(".")[0],
    load_metadata=load_metadata,
    context=app_context,
    engine=engine,
    owner_url=owner_url,
    url_source=url_source,
    environment=current_environment,
    ready_when_ahead=ready_when_ahead,
)
