"""The app's configuration, by environment; the database's URL is part of it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from migrator.errors import SettingsError
from migrator.url import DEFAULTS, EXAMPLE, parse_url
from sqlalchemy import URL

from .settings import current_environment


class Config:
    """What holds in every environment."""

    APP_NAME = {{ cookiecutter.__project_name_python }}
    SECRET_KEY: str | None = None
    SESSION_COOKIE_SAMESITE = "Lax"
    # A release that was rolled back finds a database of the newer one, and has to serve.
    READY_WHEN_AHEAD = True
    SQLALCHEMY_DATABASE_URI: str | URL | None = None
    # For migrations, where the app's own user may not alter tables.
    MIGRATION_DATABASE_URL: str | URL | None = None


class Local(Config):
    """On one developer's machine."""

    SECRET_KEY = "for development only"
    SQLALCHEMY_DATABASE_URI = DEFAULTS.get("local")


class Development(Local):
    """Where developers try things together."""

    SQLALCHEMY_DATABASE_URI = DEFAULTS.get("development")


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
    """Configure `app`; each source wins over the ones before it.

    The environment's class, `instance/config.py`, variables that start with `FLASK_`,
    `MIGRATION_DATABASE_URL`, `overrides`.

    Raises:
        SettingsError: the environment or the database's URL is missing or wrong.
    """
    environment = current_environment()
    app.config.from_object(CLASSES[environment])
    app.config.from_pyfile(str(Path(app.instance_path) / "config.py"), silent=True)
    app.config.from_prefixed_env()
    if "MIGRATION_DATABASE_URL" in os.environ:
        app.config["MIGRATION_DATABASE_URL"] = os.environ["MIGRATION_DATABASE_URL"]
    if "SQLALCHEMY_DATABASE_URI" in overrides:
        # Another database has another owner: a test must not migrate the configured one.
        app.config["MIGRATION_DATABASE_URL"] = None
    app.config.update(overrides)
    value = app.config["SQLALCHEMY_DATABASE_URI"]
    if value is None:
        raise SettingsError(
            f"SQLALCHEMY_DATABASE_URI is not set, and ENVIRONMENT is {environment}; set it in"
            f" {CLASSES[environment].__name__} in config.py, in instance/config.py, or as"
            f" FLASK_SQLALCHEMY_DATABASE_URI, to a URL like {EXAMPLE}"
        )
    app.config["SQLALCHEMY_DATABASE_URI"] = parse_url(value, "SQLALCHEMY_DATABASE_URI")


def require_secret_key(app: Flask) -> None:
    """Refuse to serve `app` without a key to sign its cookies with; migrations need none.

    Raises:
        SettingsError: there is no key.
    """
    if not app.config["SECRET_KEY"]:
        raise SettingsError(
            "SECRET_KEY is not set; set FLASK_SECRET_KEY to the output of"
            " `python -c 'import secrets; print(secrets.token_hex())'`."
        )
