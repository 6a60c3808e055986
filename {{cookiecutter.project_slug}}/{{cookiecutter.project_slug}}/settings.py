"""What the process was told: the project's root, its `.env` file, the current environment."""

import os
from pathlib import Path

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
        if not path.exists():
            continue
        # Imported late: where the app is deployed there is no such file, and it takes a while.
        from dotenv import load_dotenv

        try:
            # utf-8-sig: some editors start the file with a byte order mark.
            load_dotenv(path, override=False, encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path} cannot be read: {error}") from error


def who_sets(variable: str) -> str:
    """Return what gives `variable` its value: one of `ENV_FILES`, or `the environment`."""
    from dotenv import dotenv_values

    for name in ENV_FILES:
        values = dotenv_values(ROOT / name, encoding="utf-8-sig")
        if values.get(variable) == os.environ[variable]:
            return name
    return "the environment"


def as_set(variable: str) -> str:
    """Return `<variable>_FILE` where that is set, else `variable`."""
    file = f"{variable}_FILE"
    return file if file in os.environ else variable


def read_variable(variable: str) -> str | None:
    """Return an environment variable's value, or the text of the file `<variable>_FILE` names.

    Secrets are mounted as files; blanks around the text are not part of it.

    Raises:
        SettingsError: both are set, or the file cannot be read. The message does not repeat
            the path, for which somebody may have taken the secret itself.
    """
    name = as_set(variable)
    if name == variable:
        return os.environ.get(variable)
    if variable in os.environ:
        raise SettingsError(f"{variable} and {name} are both set; keep one of them.")
    try:
        return Path(os.environ[name]).read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        reason = error.strerror
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    raise SettingsError(f"{name} names a file that cannot be read: {reason}")


def is_stated() -> bool:
    """Return whether somebody set `ENVIRONMENT`; unset, it is development."""
    load_env_files()
    return "ENVIRONMENT" in os.environ


def is_live() -> bool:
    """Return whether the environment is staging or production."""
    return current_environment() in ("staging", "production")


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
