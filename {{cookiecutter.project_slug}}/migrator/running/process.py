"""What a command line may do to its process, and a program that calls Alembic keeps as it is."""

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from logging.config import fileConfig

from alembic.config import Config
from alembic.util import CommandError

# Models, tables and revisions stay until a command ends. With Python's own threshold, looking
# through them for garbage is a quarter of autogenerate's time.
GARBAGE_THRESHOLD = 50_000  # new objects

# What Alembic says at the start of each command, whatever the command does.
_CHATTER = ("Context impl", "Will assume", "setting up autogenerate plugin")


@contextmanager
def own_process(config: Config) -> Iterator[None]:
    """Set up logging, garbage collection and Ctrl-C, if a command line runs and no program.

    Args:
        config: Alembic's configuration.

    Raises:
        CommandError: somebody pressed Ctrl-C.
    """
    if config.cmd_opts is None or config.config_file_name is None:
        yield
        return
    fileConfig(config.config_file_name, disable_existing_loggers=False)
    quieten()
    gc.set_threshold(GARBAGE_THRESHOLD)
    try:
        yield
    except KeyboardInterrupt as error:
        notes: list[str] = getattr(error, "__notes__", [])
        message = "Stopped by Ctrl-C; run the command again to continue."
        raise CommandError("\n".join([message, *notes])) from error


def quieten() -> None:
    """Log no error that Alembic prints too, and nothing that it says at every start."""
    logging.getLogger("alembic.util.messaging").setLevel(logging.CRITICAL)
    for name in ("alembic.runtime.migration", "alembic.runtime.plugins"):
        logging.getLogger(name).addFilter(_says_something)


def _says_something(record: logging.LogRecord) -> bool:
    return not record.msg.startswith(_CHATTER)
