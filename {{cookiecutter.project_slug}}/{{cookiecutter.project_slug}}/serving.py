"""What runs this process: a `flask` command or a server."""

import click
from flask.cli import ScriptInfo


def is_flask_command() -> bool:
    """Return whether this process is `flask …`; some servers are click commands too."""
    context = click.get_current_context(silent=True)
    return context is not None and context.find_object(ScriptInfo) is not None


def is_serving() -> bool:
    """Return whether this process serves: it is `flask run`, or no `flask` command at all."""
    return not is_flask_command() or click.get_current_context().info_name == "run"
