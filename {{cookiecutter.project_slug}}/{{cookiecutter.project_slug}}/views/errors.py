"""The answer to every error: a page, or JSON for a client that asks for it."""

from flask import Flask, current_app, g, json, render_template, request
from flask_wtf.csrf import CSRFError
from migrator.readiness import State, Status
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from werkzeug.exceptions import HTTPException, SecurityError, ServiceUnavailable
from werkzeug.wrappers import Response

from .health import status_for_developers

TEXTS = {
    400: "The request is incomplete, or has something in it that does not belong there.",
    403: "You are not allowed to do this.",
    404: "There is no page at this address.",
    405: "This address does not accept this kind of request.",
    413: "What you sent is too large.",
    429: "There were too many requests. Wait a moment, then try again.",
    500: "Something went wrong on our side. It has been logged.",
    503: "The service is not available at the moment. Try again in a minute.",
}
HTML, JSON, PROBLEM = "text/html", "application/json", "application/problem+json"


def text_of(error: HTTPException) -> str:
    """Return what to tell the user: what `abort(status, text)` said, or else ours."""
    if isinstance(error, CSRFError):
        return "This form has expired. Go back, reload the page, and send it again."
    own = vars(error).get("description") or TEXTS.get(error.code or 500)
    return own or error.description or ""


def error_page(error: HTTPException, database: Status | None = None) -> Response:
    """Answer with `error`, its headers (such as `Allow`) and, for a developer, `database`.

    JSON has the members of RFC 9457, and the request's id.
    """
    response = error.get_response()
    # Without a trusted host there are no addresses, so no page either.
    if isinstance(error, SecurityError):
        return response
    problem = {"status": error.code, "title": error.name, "detail": text_of(error)}
    response.vary.add("Accept")
    if request.accept_mimetypes.best_match((HTML, JSON, PROBLEM), HTML) == HTML:
        response.data = render_template("error.html", **problem, database=database)
    else:
        response.data = json.dumps(problem | {"request_id": g.get("request_id")})
        response.content_type = PROBLEM
    return response


def database_error(error: DBAPIError) -> Response:
    """Tell a developer whose database does not fit the code what to type; else raise `error`."""
    database = status_for_developers()
    if database is None or database.state is State.UP_TO_DATE:
        raise error
    current_app.logger.error("%s", error.orig)
    return error_page(ServiceUnavailable(database.sentence), database)


def init_app(app: Flask) -> None:
    """Answer every HTTP error, and the errors of a database that is not migrated."""
    app.register_error_handler(HTTPException, error_page)
    app.register_error_handler(OperationalError, database_error)
    app.register_error_handler(ProgrammingError, database_error)
