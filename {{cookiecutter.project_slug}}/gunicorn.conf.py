"""How gunicorn serves the app: `gunicorn wsgi:app`."""

import os
import sys
from typing import Any

from migrator.errors import SettingsError

from {{ cookiecutter.project_slug }}.config import require_secret_key

# Not more than a container of usual size has memory for, whatever its host's number of cores.
workers = int(os.environ.get("WEB_CONCURRENCY") or min(os.cpu_count() or 1, 4))

# A wrong setting then stops the server with its line, and is no endless restart of workers.
preload_app = True


def on_starting(server: Any) -> None:
    """Look, before the first request, at what serving needs and migrating does not."""
    try:
        require_secret_key(server.app.wsgi())
    except SettingsError as error:
        sys.exit(f"Error: {error}")
