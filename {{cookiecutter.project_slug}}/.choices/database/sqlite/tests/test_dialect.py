"""What a SQLite URL may look like."""

import pytest

from {{ cookiecutter.project_slug }}.database.parsing import parse_url
from {{ cookiecutter.project_slug }}.settings import INSTANCE, SettingsError


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("sqlite:///app.sqlite3", str(INSTANCE / "app.sqlite3")),
        ("sqlite+pysqlite:///app.sqlite3", str(INSTANCE / "app.sqlite3")),
        ("sqlite:////srv/app.sqlite3", "/srv/app.sqlite3"),
        ("sqlite:////srv/100%25.sqlite3", "/srv/100%.sqlite3"),
        ("sqlite:////srv/my app.sqlite3", "/srv/my app.sqlite3"),
        ("  'sqlite:////srv/app.sqlite3'\n", "/srv/app.sqlite3"),
        ("sqlite:///file:app.sqlite3?uri=true", f"file:{INSTANCE / 'app.sqlite3'}"),
        ("sqlite:///:memory:", ":memory:"),
    ],
)
def test_the_path_is_made_absolute(value: str, path: str) -> None:
    url = parse_url(value, "A_VARIABLE")
    assert url.database == path
    assert url.drivername == "sqlite+pysqlite"
    assert parse_url(url, "A_VARIABLE") == url


@pytest.mark.parametrize(
    "value",
    [
        "sqlite://app.sqlite3",
        "sqlite:///~/app.sqlite3",
        "sqlite:///$HOME/app.sqlite3",
        "sqlite:///file:app.sqlite3",
        "sqlite:///'app.sqlite3'",
        "sqlite:///app.sqlite3%0A",
        "sqlite:///app.sqlite3 # the database",
        "sqlite:///app.sqlite3?mode=ro",
        "postgresql://localhost/app",
    ],
)
def test_a_file_that_nobody_meant_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="A_VARIABLE"):
        parse_url(value, "A_VARIABLE")
