"""The pages: one blueprint a module."""

from flask import Flask

from . import errors, health, home

BLUEPRINTS = (home.blueprint, health.blueprint)


def init_app(app: Flask) -> None:
    """Register every page and the error pages."""
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    errors.init_app(app)
