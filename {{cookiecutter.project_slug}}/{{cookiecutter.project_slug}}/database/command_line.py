"""Alembic's command line, with what Flask's users expect and this project has beside it."""

import gc
import sys

from alembic import command
from alembic.config import CommandLine, Config

from ..revisions.rebase import rebase
from ..settings import ROOT, SettingsError
from .adoption import adopt
from .diagram import diagram
from .doctor import doctor

# Where to, when `flask db upgrade` or `flask db downgrade` does not say: as Flask-Migrate has it.
DEFAULT_REVISIONS = {"upgrade": "head", "downgrade": "-1"}


def main(arguments: list[str]) -> None:
    """Run `alembic` with `arguments`, on this project's alembic.ini."""
    # As in alembic/env.py, for the commands that read revisions before it or do without.
    gc.set_threshold(50_000)
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
    for name, default in DEFAULT_REVISIONS.items():
        for action in commands[name]._actions:
            if action.dest == "revision":
                action.nargs, action.required, action.default = "?", False, default
    try:
        command_line.main(["-c", str(ROOT / "alembic.ini"), *arguments])
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


def _add_rebase(command_line: CommandLine) -> None:
    help = "Move this branch's new revisions on top of the main branch's."
    parser = command_line.subparsers.add_parser("rebase", help=help)
    parser.add_argument("branch", nargs="?", help="the main branch, when git does not tell")
    parser.set_defaults(cmd=(rebase, ["branch"], []))
