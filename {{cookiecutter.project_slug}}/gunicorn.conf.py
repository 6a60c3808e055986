"""How gunicorn serves the app: `gunicorn wsgi:app`."""

import os
import sys
from functools import partial
from typing import Any

from gunicorn import glogging
from migrator.connections import shortage
from migrator.errors import SettingsError

from {{ cookiecutter.project_slug }} import logs

# Not more than a container of usual size has memory for, whatever its host's number of cores.
workers = int(os.environ.get("WEB_CONCURRENCY") or min(os.cpu_count() or 1, 4))

# A client that has sent half a request holds a thread: 7 such clients leave one to every process.
worker_class = "gthread"
threads = 8

# A wrong setting then stops the server with its line, and is no endless restart of workers.
preload_app = True

# It is a file in HOME, which a container may not have, or not let anybody write to.
control_socket_disable = True

# The processes' signs of life: in memory, for a file system may be slow or read-only.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

# A process ends after so many requests, and its memory with it. Another one takes its place.
max_requests = 10_000
max_requests_jitter = 1_000

HANGUP = (
    "SIGHUP is ignored: the processes would restart with the old code, because it is loaded before"
    " they start. Restart the service, or send SIGUSR2, and then SIGTERM to the old process."
)


class Logger(glogging.Logger):
    """Prints gunicorn's own lines as the app does its own; it prints one for every request."""

    def setup(self, cfg: Any) -> None:
        """Set up the log, and change its format."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(formatter)


try:
    formatter = logs.formatter()
except SettingsError as error:
    sys.exit(f"Error: {error}")

logger_class = Logger


def on_starting(server: Any) -> None:
    """Say what would go wrong later: too few connections, and a reload that loads nothing."""
    app = server.app.wsgi()
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
        if sentence := shortage(engine, server.cfg.workers, server.cfg.threads):
            server.log.warning(sentence)
    server.handle_hup = partial(server.log.error, HANGUP)
