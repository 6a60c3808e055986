"""The options and events of every connection, the app's and the migrations'."""

from typing import Any

from sqlalchemy import Engine

OPTIONS: dict[str, Any] = {
    # A statement that fails is logged; its values may be secrets.
    "hide_parameters": True,
    # A restarted server then costs a new connection and no failed request.
    "pool_pre_ping": True,
}


def listen(engine: Engine) -> None:
    """Set up every connection that `engine` makes: a place for `event.listen(engine, …)`.

    Args:
        engine: the app's, or one for migrations.
    """
