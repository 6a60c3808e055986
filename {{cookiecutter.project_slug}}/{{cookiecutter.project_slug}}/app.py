"""The application factory."""

from collections.abc import Mapping
from typing import Any

from flask import Flask

from . import commands, config, extensions, models, views
from .settings import INSTANCE


def create_app(overrides: Mapping[str, Any] | None = None) -> Flask:
    """Return a new app: config, then extensions, models, views and commands.

    Args:
        overrides: configuration that wins over every other source, as tests use it.

    Raises:
        SettingsError: a setting is missing or wrong.
    """
    app = Flask(__name__, instance_path=str(INSTANCE))
    config.init_app(app, overrides or {})
    extensions.init_app(app)
    models.import_all_models()
    views.init_app(app)
    commands.init_app(app)
    return app
