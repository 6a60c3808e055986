"""`flask db wait` and `python -m migrator.wait`: wait until the database fits this release.

It is for what must not start before the migration has run, which another process does. While
nothing but the text of a URL says how to connect, it imports the driver and neither SQLAlchemy nor
Alembic, which take most of a command's time. Otherwise it uses the app's engine.
"""

import ast
import signal
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from configparser import ConfigParser
from functools import cache
from importlib import import_module
from pathlib import Path

from .errors import SettingsError
from .paths import HEAD, INI, ROOT
from .revisions.head import history, revisions

SECTION = "alembic"
TIMEOUT = 300  # seconds to wait if nobody says how long
INTERVAL = 1  # seconds between two looks
PATIENCE = 5  # seconds that the server has for each step

# The options in database/engine.py that do not change what a connection connects to.
OF_THE_POOL = {
    *("echo", "echo_pool", "hide_parameters", "logging_name", "max_overflow", "pool_pre_ping"),
    *("pool_recycle", "pool_reset_on_return", "pool_size", "pool_timeout", "pool_use_lifo"),
}


def main() -> None:
    """Wait as the command line says, and exit."""
    parser = ArgumentParser(prog="python -m migrator.wait", description=__doc__.splitlines()[0])
    add_timeout(parser)
    # The first process of a container ignores a signal that it does not handle.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        sys.exit(wait(parser.parse_args().timeout))
    except SettingsError as error:
        sys.exit(f"Error: {error}")


def add_timeout(parser: ArgumentParser) -> None:
    """Add `--timeout SECONDS` to the command line."""
    help = f"how long to wait for the database to fit this release, {TIMEOUT} if not given"
    parser.add_argument("--timeout", type=_seconds, default=TIMEOUT, metavar="SECONDS", help=help)


def wait(timeout: float, section: str = SECTION) -> int:
    """Wait until the app of this release can serve from its database, as /readyz says.

    Args:
        timeout: seconds after which to give up. The database is looked at once more then, and its
            status printed.
        section: the section of alembic.ini that names the database.

    Returns:
        What to exit with: 0, or what `flask db doctor` exits with for the database's state.

    Raises:
        SettingsError: a setting is missing or wrong.
    """
    deadline = time.monotonic() + timeout
    look = _look_by_driver() if section == SECTION else None
    while look is not None:
        fits = look()
        if fits:
            return 0
        if fits is None or time.monotonic() >= deadline:
            break
        time.sleep(INTERVAL)
    return _wait_by_engine(deadline, section)


def _look_by_driver() -> Callable[[], bool | None] | None:
    """Return a function that looks whether the database fits; None if it needs the app's engine.

    The functions of Project and `listen` are code: what they do is known only as long as they are
    as they were generated. The function returns None where it takes more to tell: the server is a
    standby, or the database is at a revision that this release does not have.
    """
    ini = ConfigParser(interpolation=None)
    ini.read(INI, encoding="utf-8")
    project = ini.get("migrator", "project", fallback="").partition(":")[0]
    module, _, function = ini.get("migrator", "url_text", fallback="").partition(":")
    heads = tuple(HEAD.read_text(encoding="utf-8").split()) if HEAD.exists() else ()
    if not module or len(heads) != 1:
        return None
    text: str | None = getattr(import_module(module), function)()
    wiring = ROOT.joinpath(*project.split(".")).with_suffix(".py")
    from .dialect.driver import ERRORS, LISTENERS, arguments, current_revisions

    connect = arguments(text or "")
    if connect is None or not _is_plain(wiring.with_name("engine.py"), LISTENERS):
        return None
    if "version_table" in wiring.read_text(encoding="utf-8"):
        return None
    expected = () if heads == ("base",) else heads
    known_here = cache(lambda: {*revisions(history())})

    def fits() -> bool | None:
        try:
            current = current_revisions(timeout=PATIENCE, **connect)
        except ERRORS:
            return False
        if current == expected:
            return True
        return False if current is not None and {*current} <= known_here() else None

    return fits


def _is_plain(engine: Path, listeners: tuple[str, ...]) -> bool:
    """Return whether database/engine.py only has options of the pool and those listeners."""
    for node in ast.parse(engine.read_text(encoding="utf-8")).body:
        match node:
            case (
                ast.Import()
                | ast.ImportFrom()
                | ast.Expr(ast.Constant())
                | ast.FunctionDef(name="set_pragmas")
                | ast.Assign(targets=[ast.Name("BEHIND_POOLER")], value=ast.Constant(False))
                | ast.If(test=ast.Name("BEHIND_POOLER"), orelse=[])
            ):
                pass
            case ast.AnnAssign(target=ast.Name("OPTIONS"), value=ast.Dict(keys=keys)):
                if not {getattr(key, "value", None) for key in keys} <= OF_THE_POOL:
                    return False
            case ast.FunctionDef(name="listen", body=[ast.Expr(ast.Constant()), *rest]):
                if not {ast.unparse(line).replace("'", '"') for line in rest} <= {*listeners}:
                    return False
            case _:
                return False
    return True


def _wait_by_engine(deadline: float, section: str) -> int:
    """Wait with the app's engine, and print the status if time is up."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    from .engine import beside_the_pool, connect
    from .project import load_project
    from .status import EXIT_CODES, State, Status, database_status

    config = Config(INI, ini_section=section)
    project, scripts = load_project(config), ScriptDirectory.from_config(config)
    with project.context(None):
        engine = beside_the_pool(project.engine())
        while True:
            try:
                with connect(engine, PATIENCE) as connection:
                    status = database_status(connection, scripts, project)
            except (CommandError, SQLAlchemyError) as error:
                status = Status(State.UNREACHABLE, " ".join(str(error).split()))
            if status.state is State.UP_TO_DATE:
                return 0
            if status.state is State.AHEAD and project.ready_when_ahead():
                return 0
            if time.monotonic() >= deadline:
                print(status.sentence, file=sys.stderr)
                if status.command:
                    print(f"Next: {status.command}", file=sys.stderr)
                return EXIT_CODES[status.state]
            time.sleep(INTERVAL)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < 1_000_000:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds from 0 on.")
    return seconds


if __name__ == "__main__":
    main()
