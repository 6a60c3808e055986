"""Alembic's command line, with the commands that Flask's users expect and this project adds."""

import gc
import sys
from argparse import ArgumentParser
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import CommandLine, Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from ..errors import SettingsError
from ..paths import INI, ROOT
from ..running.process import GARBAGE_THRESHOLD, quieten
from ..wait import TIMEOUT, add_timeout
from ..wait import wait as wait_until_it_fits
from .adopt import adopt
from .diagram import diagram
from .doctor import doctor
from .rebase import rebase

# What Flask-Migrate takes where no revision is given:
# https://flask-migrate.readthedocs.io/en/latest/#command-reference
DEFAULTS: dict[str, str | list[str]] = {
    "upgrade": "head",
    "downgrade": "-1",
    "show": "head",
    "edit": "current",
    "stamp": "head",
    "merge": ["heads"],
}
# What Flask-Migrate's users type to set a project up.
SETTING_UP = ("init", "list-templates", "list_templates")


def main(arguments: list[str]) -> None:
    """Run `alembic` with `arguments`, on this project's alembic.ini."""
    # Some commands read revisions before alembic/env.py sets it, or do without.
    gc.set_threshold(GARBAGE_THRESHOLD)
    quieten()
    command_line = _command_line(arguments)
    if "%" in str(ROOT):
        # configparser takes the sign in `%(here)s` for an interpolation.
        sys.exit(f"Error: Alembic cannot work in {ROOT}, whose path has a %; rename the folder.")
    options, words = _global_options(arguments)
    name = next((word for word in words if not word.startswith("-")), None)
    if name in SETTING_UP:
        sys.exit(
            "Error: This project is already set up: alembic.ini, alembic/env.py and"
            ' alembic/versions/ are there. Next: flask db migrate -m "…"'
        )
    if name is not None:
        _refuse_unknown(name, words, command_line.subparsers.choices)
    try:
        # Alembic itself would print an error twice, and exit with 255.
        command_line.main(["-c", str(INI), "--raiseerr", *options, *(words or ["--help"])])
    except (CommandError, SettingsError) as error:
        sys.exit(f"Error: {error}")


def wait(config: Config, timeout: float = TIMEOUT) -> None:
    """Wait until the database fits this release, as /readyz says; fail after --timeout seconds."""
    sys.exit(wait_until_it_fits(timeout, config.config_ini_section))


def plan(
    config: Config, as_json: bool = False, as_markdown: bool = False, since: str | None = None
) -> None:
    """Say what the pending revisions will do: locks, rewrites, who waits, what is lost."""
    # Imported late: no other command needs it.
    from ..proof.plan import plan

    plan(config, as_json, as_markdown, since)


def merge(config: Config, revisions: list[str], **options: Any) -> None:
    """Join two revisions with a new one.

    Raises:
        CommandError: there is only one.
    """
    heads = ScriptDirectory.from_config(config).get_heads()
    if revisions == ["heads"] and len(heads) < 2:
        raise CommandError("There is nothing to merge: the revisions have one head.")
    command.merge(config, revisions, **options)


def _command_line(arguments: list[str]) -> CommandLine:
    """Return Alembic's parser with this project's commands and Flask-Migrate's defaults."""
    command_line = CommandLine(prog="flask db")
    for function in (doctor, adopt, diagram, plan, rebase, wait):
        command_line.register_command(function)
    commands: dict[str, ArgumentParser] = command_line.subparsers.choices
    commands["rebase"].add_argument(
        "branch", nargs="?", help="the main branch, when git does not tell"
    )
    commands["doctor"].add_argument(
        "--json", dest="as_json", action="store_true", help="Print the findings as JSON"
    )
    commands["adopt"].add_argument(
        "--stamp-anyway", action="store_true", help="Stamp the database although it differs"
    )
    formats = commands["plan"].add_mutually_exclusive_group()
    formats.add_argument("--json", dest="as_json", action="store_true", help="Print it as JSON")
    formats.add_argument(
        "--markdown", dest="as_markdown", action="store_true", help="Print it for a pull request"
    )
    commands["plan"].add_argument(
        "--since", metavar="COMMIT", help="Plan what a git commit lacks, and ask no live database"
    )
    add_timeout(commands["wait"])
    migrate = command_line.subparsers.add_parser(
        "migrate",
        parents=[commands["revision"]],
        add_help=False,
        help="Create a revision file with what autogenerate finds: revision --autogenerate.",
    )
    revision, positional, options = commands["revision"].get_default("cmd")
    options = [name for name in options if name != "autogenerate"]
    migrate.set_defaults(cmd=(partial(revision, autogenerate=True), positional, options))
    _, positional, options = commands["merge"].get_default("cmd")
    commands["merge"].set_defaults(cmd=(merge, positional, options))
    for name, default in DEFAULTS.items():
        [action] = commands[name]._get_positional_actions()
        action.nargs = "?" if action.nargs is None else "*"
        action.default = default
        if name == "downgrade" and "--sql" in arguments:
            # Without a database, Alembic has to be told where to start.
            action.default = "head:-1"
    return command_line


def _global_options(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Return the options that Alembic wants before the command, and the rest.

    Flask-Migrate takes them behind the command too.
    """
    parser = ArgumentParser(prog="flask db", add_help=False, allow_abbrev=False)
    parser.add_argument("-n", "--name")
    parser.add_argument("-x", "--x-arg", action="append", default=[])
    parser.add_argument("-d", "--directory")
    options, words = parser.parse_known_args(arguments)
    if options.directory and Path(options.directory).resolve() != ROOT / "alembic":
        sys.exit(
            f"Error: -d {options.directory} is not where this project has its revisions:"
            " alembic.ini says where. Leave it out; another database is flask db -n NAME."
        )
    name = ["-n", options.name] if options.name else []
    return [*name, *(word for x in options.x_arg for word in ("-x", x))], words


def _refuse_unknown(name: str, words: list[str], commands: dict[str, ArgumentParser]) -> None:
    """End with a line, and the exit code of a wrong usage, if there is no such command."""
    if name in commands or "-c" in words or "--config" in words:
        return
    near = get_close_matches(name, commands, 1)
    meant = f" Did you mean {near[0]}?" if near else " flask db --help lists them."
    print(f"Error: flask db has no command {name}.{meant}", file=sys.stderr)
    sys.exit(2)
