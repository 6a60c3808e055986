"""The error for a setting that is missing or wrong."""


class SettingsError(Exception):
    """A setting is missing or wrong; the message is one line that names it and says what to do."""
