"""The landing page."""

from flask import Blueprint, render_template

from ..settings import ROOT
from .health import status_for_developers

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
def index() -> str:
    """Show how the database is, what to do next and where the files are."""
    return render_template(
        "index.html",
        database=status_for_developers(),
        package=__name__.partition(".")[0],
        root=ROOT,
    )
