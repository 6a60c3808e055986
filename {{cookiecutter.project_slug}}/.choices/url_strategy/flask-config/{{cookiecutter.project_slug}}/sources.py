"""Where settings come from besides config.py: instance/config.py and `FLASK_` variables."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from migrator.errors import SettingsError
from migrator.url import DEFAULTS, HOW_TO_SET, parse_url

from .settings import as_set, current_environment, read_variable

# What stands before a setting's name in the environment.
PREFIX = "FLASK_"
# What may also be given as a file, in FLASK_<NAME>_FILE.
SECRETS = ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "SQLALCHEMY_DATABASE_URI")


def load(app: Flask, overrides: Mapping[str, Any]) -> None:
    """Add to the configuration; each source wins over the ones before it.

    `instance/config.py`, variables that start with `FLASK_`, files that such a variable names,
    `MIGRATION_DATABASE_URL`, `overrides`.

    Raises:
        SettingsError: the database's URL is missing or wrong, or a file cannot be read.
    """
    environment = current_environment()
    # For migrations, where the app's own user may not alter tables.
    app.config.setdefault("MIGRATION_DATABASE_URL", None)
    app.config.setdefault("SQLALCHEMY_DATABASE_URI", DEFAULTS.get(environment))
    app.config.from_pyfile(str(Path(app.instance_path) / "config.py"), silent=True)
    app.config.from_prefixed_env()
    for name in SECRETS:
        if f"{PREFIX}{name}_FILE" in os.environ:
            app.config[name] = read_variable(f"{PREFIX}{name}")
    owner = read_variable("MIGRATION_DATABASE_URL")
    if owner is not None:
        app.config["MIGRATION_DATABASE_URL"] = owner
    if "SQLALCHEMY_DATABASE_URI" in overrides:
        # Another database has another owner: a test must not migrate the configured one.
        app.config["MIGRATION_DATABASE_URL"] = None
    app.config.update(overrides)
    value = app.config["SQLALCHEMY_DATABASE_URI"]
    if value is None:
        raise SettingsError(
            "FLASK_SQLALCHEMY_DATABASE_URI is not set, nor SQLALCHEMY_DATABASE_URI in config.py or"
            f" instance/config.py, and ENVIRONMENT is {environment}. {HOW_TO_SET}"
        )
    variable = as_set(f"{PREFIX}SQLALCHEMY_DATABASE_URI")
    is_variable = variable in os.environ and "SQLALCHEMY_DATABASE_URI" not in overrides
    name = variable if is_variable else "SQLALCHEMY_DATABASE_URI"
    app.config["SQLALCHEMY_DATABASE_URI"] = parse_url(value, name)
