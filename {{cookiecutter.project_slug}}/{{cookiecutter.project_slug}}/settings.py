"""What the process was told: the project's root, its `.env` file, the current environment."""

import os
from pathlib import Path

from dotenv import dotenv_values, load_dotenv
from migrator.errors import SettingsError

ROOT = Path(__file__).parent.parent
INSTANCE = ROOT / "instance"
ENV_FILES = (".env", ".flaskenv")
ENVIRONMENTS = ("local", "development", "staging", "production")


def load_env_files() -> None:
    """Add what `.env` and `.flaskenv` in the project's root say to `os.environ`.

    A variable that is set already stays as it is. `flask` reads the same two files in the
    same order by itself; read here, they say the same to `alembic` and to a WSGI server.

    Raises:
        SettingsError: a file cannot be read as UTF-8 text.
    """
    for path in (ROOT / name for name in ENV_FILES):
        try:
            # utf-8-sig: some editors start the file with a byte order mark.
            load_dotenv(path, override=False, encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path} cannot be read: {error}") from error


def who_sets(variable: str) -> str:
    """Return what gives `variable` its value: one of `ENV_FILES`, or `the environment`."""
    for name in ENV_FILES:
        values = dotenv_values(ROOT / name, encoding="utf-8-sig")
        if values.get(variable) == os.environ[variable]:
            return name
    return "the environment"


def current_environment() -> str:
    """Return the value of `ENVIRONMENT`, one of `ENVIRONMENTS`; `development` when it is unset.

    Raises:
        SettingsError: the variable is set to something else.
    """
    load_env_files()
    value = os.environ.get("ENVIRONMENT", "development")
    environment = value.strip().lower()
    if environment not in ENVIRONMENTS:
        raise SettingsError(
            f"ENVIRONMENT is {value!r}; set it to one of {', '.join(ENVIRONMENTS)}."
        )
    return environment
