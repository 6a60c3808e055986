"""The app's configuration, by environment; sources.py adds what is set outside this file."""

from collections.abc import Mapping
from typing import Any

from flask import Flask

from . import sources
from .settings import current_environment


class Config:
    """What holds in every environment."""

    APP_NAME = {{ cookiecutter.__project_name_python }}
    SECRET_KEY: str | None = None
    # Keys that were used before: cookies that they signed are still accepted.
    SECRET_KEY_FALLBACKS: list[str] | None = None
    SESSION_COOKIE_SAMESITE = "Lax"
    # Bytes of a request; of a multipart form: bytes of a field that is no file, number of fields.
    MAX_CONTENT_LENGTH = 1024 * 1024
    MAX_FORM_MEMORY_SIZE = 256 * 1024
    MAX_FORM_PARTS = 100
    # The names that the app is served under; ".example.com" is every subdomain too.
    TRUSTED_HOSTS: list[str] | None = None
    # How many proxies in front of the app set X-Forwarded-For and X-Forwarded-Proto.
    TRUSTED_PROXIES = 0
    # A release that was rolled back finds a database of the newer one, and has to serve.
    READY_WHEN_AHEAD = True


class Local(Config):
    """On one developer's machine."""

    SECRET_KEY = "for development only"


class Development(Local):
    """Where developers try things together."""


class Staging(Config):
    """As production, for a last look."""

    # A browser takes a cookie of this name over HTTPS only, and from no other host.
    SESSION_COOKIE_NAME = "__Host-session"
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
    """Configure `app`: the environment's class, then what `sources` finds, then `overrides`.

    Raises:
        SettingsError: the environment or the database's URL is missing or wrong.
    """
    app.config.from_object(CLASSES[current_environment()])
    sources.load(app, overrides)
