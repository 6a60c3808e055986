"""Whether the process serves, and whether its database fits it."""

from flask import Blueprint, current_app
from flask.blueprints import BlueprintSetupState
from migrator.readiness import Readiness, State, Status

from ..extensions import db
from ..settings import current_environment

blueprint = Blueprint("health", __name__)


@blueprint.record
def remember_database(setup: BlueprintSetupState) -> None:
    """Have the app watch its own database."""
    setup.app.extensions["readiness"] = Readiness(db.engine)


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    """Answer as long as the process does; the database is not asked."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def readyz() -> tuple[dict[str, str], int]:
    """Answer whether the database is one that this release can serve from."""
    state: State = current_app.extensions["readiness"].status().state
    if state is State.AHEAD and current_app.config["READY_WHEN_AHEAD"]:
        return {"status": state, "warning": "a newer release has migrated the database"}, 200
    return {"status": state}, 200 if state is State.UP_TO_DATE else 503


def status_for_developers() -> Status | None:
    """Return the database's status, to be shown on a page; None in staging and production."""
    if current_environment() not in ("local", "development"):
        return None
    readiness: Readiness = current_app.extensions["readiness"]
    return readiness.status_now()
