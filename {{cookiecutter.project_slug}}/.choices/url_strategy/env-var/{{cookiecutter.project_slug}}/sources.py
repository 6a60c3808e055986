"""Where settings come from besides config.py: environment variables with the settings' names."""

from collections.abc import Mapping
from typing import Any

from flask import Flask
from migrator.errors import SettingsError
from migrator.url import parse_url

from .database.url import database_url, owner_url
from .settings import read_variable

# What stands before a setting's name in the environment.
PREFIX = ""
NAMES = ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "TRUSTED_HOSTS", "TRUSTED_PROXIES")


def load(app: Flask, overrides: Mapping[str, Any]) -> None:
    """Add the variables `NAMES` to the configuration, then `overrides`, then the database's URL.

    Raises:
        SettingsError: the database's URL is missing or wrong, or a file cannot be read.
    """
    for name in NAMES:
        value = read_variable(name)
        if value is not None:
            app.config[name] = value
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
