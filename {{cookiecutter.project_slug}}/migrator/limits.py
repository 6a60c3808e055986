"""How long a migration waits, each set for a run by an environment variable."""

import os

from .errors import SettingsError


def lock_wait() -> float:
    """Return how many seconds to wait while another process migrates: `MIGRATION_WAIT`, 300."""
    return _number("MIGRATION_WAIT", 300)


def lock_timeout() -> float:
    """Return how many seconds one statement waits for a lock: `MIGRATION_LOCK_TIMEOUT`, 5."""
    return _number("MIGRATION_LOCK_TIMEOUT", 5)


def lock_retries() -> int:
    """Return how often such a statement is tried again: `MIGRATION_LOCK_RETRIES`, 3."""
    return int(_number("MIGRATION_LOCK_RETRIES", 3))


def _number(variable: str, default: float) -> float:
    text = os.environ.get(variable, "").strip()
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number < 1_000_000:
        raise SettingsError(f"{variable} is {text!r}; set it to a number from 0 on.")
    return number
