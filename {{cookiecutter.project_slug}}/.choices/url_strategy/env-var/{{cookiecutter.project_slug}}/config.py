"""The app's configuration, by environment; the database's URL comes from database/url.py."""

import os
from collections.abc import Mapping
from typing import Any

from flask import Flask
from migrator.errors import SettingsError
from migrator.url import parse_url

from .database.url import database_url, owner_url
from .settings import current_environment


class Config:
    """What holds in every environment."""

    APP_NAME = {{ cookiecutter.__project_name_python }}
    SECRET_KEY: str | None = None
    SESSION_COOKIE_SAMESITE = "Lax"
    # A release that was rolled back finds a database of the newer one, and has to serve.
    READY_WHEN_AHEAD = True


class Local(Config):
    """On one developer's machine."""

    SECRET_KEY = "for development only"


class Development(Local):
    """Where developers try things together."""


class Staging(Config):
    """As production, for a last look."""

    SESSION_COOKIE_SECURE = True


class Production(Staging):
    """What users see."""


CLASSES = {
    "local": Local,
    "development": Development,
    "staging": Staging,
    "production": Production,
}


def init_app(app: Flask, overrides: Mapping[str, Any]) -> None:
    """Configure `app`: the environment's class, then `SECRET_KEY`, then `overrides`.

    Raises:
        SettingsError: the environment or the database's URL is missing or wrong.
    """
    app.config.from_object(CLASSES[current_environment()])
    if "SECRET_KEY" in os.environ:
        app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]
    if "SQLALCHEMY_ENGINE_OPTIONS" in app.config:
        raise SettingsError(
            "SQLALCHEMY_ENGINE_OPTIONS stands in config.py, which migrations do not read; put the"
            " options into OPTIONS in database/engine.py."
        )
    app.config.update(overrides)
    given = overrides.get("SQLALCHEMY_DATABASE_URI")
    if given is None:
        app.config["SQLALCHEMY_DATABASE_URI"] = database_url()
        app.config["MIGRATION_DATABASE_URL"] = owner_url()
    else:
        app.config["SQLALCHEMY_DATABASE_URI"] = parse_url(given, "SQLALCHEMY_DATABASE_URI")
        # Another database has another owner: a test must not migrate the configured one.
        app.config["MIGRATION_DATABASE_URL"] = None


def require_secret_key(app: Flask) -> None:
    """Refuse to serve `app` without a key to sign its cookies with; migrations need none.

    Raises:
        SettingsError: there is no key.
    """
    if not app.config["SECRET_KEY"]:
        raise SettingsError(
            "SECRET_KEY is not set; make one with"
            " `python -c 'import secrets; print(secrets.token_hex())'`."
        )
