"""The error pages."""

from flask import Flask, render_template
from werkzeug.exceptions import HTTPException


def error_page(error: HTTPException) -> tuple[str, int]:
    """Return the page for `error` and its HTTP status."""
    status = error.code or 500
    return render_template("error.html", status=status, title=error.name), status


def init_app(app: Flask) -> None:
    """Show a page of our own for a missing page and for an error in the app."""
    app.register_error_handler(404, error_page)
    app.register_error_handler(500, error_page)
