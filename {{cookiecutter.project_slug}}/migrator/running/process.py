"""What a command line may do to its process, and a program that calls Alembic keeps its own."""

import gc
from logging.config import fileConfig

from alembic.config import Config

# Models, tables and revisions stay until a command ends. With Python's own threshold, looking
# through them for garbage is a quarter of autogenerate's time.
GARBAGE_THRESHOLD = 50_000  # new objects


def own_process(config: Config) -> None:
    """Set up logging and garbage collection, if a command line runs and no program.

    Args:
        config: Alembic's configuration.
    """
    if config.cmd_opts is not None and config.config_file_name is not None:
        fileConfig(config.config_file_name, disable_existing_loggers=False)
        gc.set_threshold(GARBAGE_THRESHOLD)
