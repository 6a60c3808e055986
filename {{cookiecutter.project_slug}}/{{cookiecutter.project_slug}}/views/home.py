"""The landing page."""

from flask import Blueprint, render_template

from ..settings import ROOT
from .health import status_for_developers

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
def index() -> str:
    """Show how the database is, what to do next and where the files are."""
    database = status_for_developers()
    return render_template("index.html", database=database, package=__package__.split(".")[0], root=ROOT)
