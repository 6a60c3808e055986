"""Alembic's command line, with the commands that Flask's users expect and this project adds."""

import gc
import sys
from collections.abc import Iterator

from alembic import command
from alembic.config import CommandLine, Config

from ..errors import SettingsError
from ..paths import INI
from ..running.process import GARBAGE_THRESHOLD, quieten
from .adopt import adopt
from .diagram import diagram
from .doctor import doctor
from .rebase import rebase

# Where to, when `flask db upgrade` or `flask db downgrade` does not say: Flask-Migrate's defaults.
DEFAULT_REVISIONS = {"upgrade": "head", "downgrade": "-1"}
# Options whose value is the next word.
VALUED = {"-c", "--config", "-n", "--name", "-x", "--tag"}


def main(arguments: list[str]) -> None:
    """Run `alembic` with `arguments`, on this project's alembic.ini."""
    # Some commands read revisions before alembic/env.py sets it, or do without.
    gc.set_threshold(GARBAGE_THRESHOLD)
    quieten()
    command_line = CommandLine(prog="flask db")
    for function in (migrate, doctor, adopt, diagram):
        command_line.register_command(function)
    _add_rebase(command_line)
    commands = command_line.subparsers.choices
    commands["doctor"].add_argument(
        "--json", dest="as_json", action="store_true", help="Print the findings as JSON"
    )
    commands["adopt"].add_argument(
        "--stamp-anyway", action="store_true", help="Stamp the database although it differs"
    )
    words = list(_words(arguments))
    if len(words) == 1:
        arguments = [*arguments, *[DEFAULT_REVISIONS[w] for w in words if w in DEFAULT_REVISIONS]]
    try:
        command_line.main(["-c", str(INI), *arguments])
    except SettingsError as error:
        sys.exit(f"Error: {error}")


def migrate(
    config: Config,
    message: str | None = None,
    sql: bool = False,
    head: str = "head",
    splice: bool = False,
    branch_label: str | None = None,
    version_path: str | None = None,
    rev_id: str | None = None,
    depends_on: str | None = None,
) -> None:
    """Create a revision file with what autogenerate finds: `revision --autogenerate`."""
    command.revision(
        config,
        message,
        autogenerate=True,
        sql=sql,
        head=head,
        splice=splice,
        branch_label=branch_label,
        version_path=version_path,
        rev_id=rev_id,
        depends_on=depends_on,
    )


def _words(arguments: list[str]) -> Iterator[str]:
    """Yield the arguments that are neither options nor their values; -1 is a revision."""
    remaining = iter(arguments)
    for argument in remaining:
        if argument in VALUED:
            next(remaining, None)
        elif not argument.startswith("-") or argument[1:].isdigit():
            yield argument


def _add_rebase(command_line: CommandLine) -> None:
    help = "Move this branch's new revisions on top of the main branch's."
    parser = command_line.subparsers.add_parser("rebase", help=help)
    parser.add_argument("branch", nargs="?", help="the main branch, when git does not tell")
    parser.set_defaults(cmd=(rebase, ["branch"], []))
