"""A line in the log for every request, and the id that an error's page and its log share."""

import json
import logging
import re
from datetime import UTC, datetime
from time import perf_counter
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from flask import Flask, Response, g, has_request_context, request

from .settings import is_live

LOGGER = logging.getLogger(__name__)
# What a proxy in front may call a request; anything else could forge a line.
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
# Where a database's error repeats a row's values.
VALUES = re.compile(
    r"(?<=DETAIL:  ).*?(?=\n\[SQL|\n\n|\Z)"
    r"|(?<=Duplicate entry ').*?(?=' for key)"
    r"|(?<= value: ').*?(?=' for column)",
    re.DOTALL,
)


def init_app(app: Flask) -> None:
    """Give every request an id and, when it is answered, a line in the log."""
    app.before_request(begin)
    app.after_request(end)


def begin() -> None:
    """Take over the id that a proxy gave the request, or make one."""
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else uuid4().hex
    g.begin = perf_counter()


def end(response: Response) -> Response:
    """Log the request, without its query, in which there may be secrets."""
    response.headers["X-Request-ID"] = g.request_id
    fields = {
        "method": request.method,
        "path": quote(request.path),
        "status": response.status_code,
        "duration_ms": round((perf_counter() - g.begin) * 1000, 1),
    }
    LOGGER.info(
        "%(method)s %(path)s %(status)s %(duration_ms)s ms", fields, extra={"request": fields}
    )
    return response


def configure() -> None:
    """Print what this process logs to stderr: as JSON in staging and production."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter())
    logging.basicConfig(handlers=[handler])
    logging.getLogger(__name__.partition(".")[0]).setLevel(logging.INFO)
    # The development server keeps its own format, but not a second line for each request.
    server = logging.getLogger("werkzeug")
    server.propagate = False
    server.addFilter(lambda record: " - - [" not in str(record.msg))


def formatter() -> logging.Formatter:
    """Return the form of the environment's log lines."""
    return Json() if is_live() else Readable()


def request_id() -> str | None:
    """Return the id of the current request; None outside of one."""
    return g.get("request_id") if has_request_context() else None


class Readable(logging.Formatter):
    """Lines for a person, with the request's id at the end."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s [%(request_id)s]")

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of `record`."""
        record.request_id = request_id() or "-"
        return super().format(record)

    def formatException(self, ei: Any) -> str:
        """Return the traceback, without a row's values."""
        return VALUES.sub("…", super().formatException(ei))


class Json(Readable):
    """Lines for a machine: a JSON object each."""

    def format(self, record: logging.LogRecord) -> str:
        """Return `record` as JSON, an error with its traceback."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id(),
            **getattr(record, "request", {}),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)
