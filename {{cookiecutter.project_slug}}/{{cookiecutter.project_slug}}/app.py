"""The application factory."""

from collections.abc import Mapping
from typing import Any

from flask import Flask

from . import config, extensions, logs, models, security
from .settings import INSTANCE


def create_app(overrides: Mapping[str, Any] | None = None) -> Flask:
    """Return a new app: config, then logs, security, extensions, models and views.

    Args:
        overrides: configuration that wins over every other source, as tests use it.

    Raises:
        SettingsError: a setting is missing or wrong.
    """
    app = Flask(__name__, instance_path=str(INSTANCE))
    config.init_app(app, overrides or {})
    # First, so that every answer has their headers and its line, a refused form too.
    logs.init_app(app)
    security.init_app(app)
    extensions.init_app(app)
    with app.app_context():
        # Models may look at the app's configuration, and views import models.
        models.import_all_models()
        from . import views

        views.init_app(app)
    return app
