"""The options and events of every connection, the app's and the migrations'."""

from typing import Any

from sqlalchemy import Engine, NullPool

# Whether the app's URL names a pooler, such as PgBouncer, and not the server.
BEHIND_POOLER = False

OPTIONS: dict[str, Any] = {
    # A statement that fails is logged; its values may be secrets.
    "hide_parameters": True,
    # A restarted server then costs a new connection and no failed request.
    "pool_pre_ping": True,
}
if BEHIND_POOLER:
    OPTIONS |= {
        # The pooler keeps the connections, and gives each transaction the one that is free.
        "poolclass": NullPool,
        # What one connection has prepared, another does not know.
        "connect_args": {"prepare_threshold": None},
    }


def listen(engine: Engine) -> None:
    """Set up every connection that `engine` makes: a place for `event.listen(engine, …)`.

    Args:
        engine: the app's, or one for migrations.
    """
