"""The landing page."""

from flask import Blueprint, render_template

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
def index() -> str:
    """Show what to do next."""
    return render_template("index.html")
