"""Whether the process serves, for load balancers."""

from flask import Blueprint

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    """Answer as long as the process does; the database is not asked."""
    return {"status": "ok"}
