"""The pages: one blueprint a module."""

from flask import Flask

from . import errors, health, home

BLUEPRINTS = (home.blueprint, health.blueprint)
# The menu: what it says, and where it leads.
NAVIGATION = {"Home": "home.index"}


def init_app(app: Flask) -> None:
    """Register every page, the menu and the error pages."""
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.context_processor(lambda: {"navigation": NAVIGATION})
    errors.init_app(app)
