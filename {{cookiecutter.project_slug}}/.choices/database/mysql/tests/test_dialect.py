"""What a database URL may look like."""

import pytest
from sqlalchemy import URL

from {{ cookiecutter.project_slug }}.database.parsing import parse_url
from {{ cookiecutter.project_slug }}.settings import SettingsError

DRIVER = "mysql+pymysql"
SCHEMES = ["mysql", "mysql+pymysql", "mysql+mysqldb"]
PORT = 3306
PASSWORD = "p%@:/?#[] é"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_driver_is_named(scheme: str) -> None:
    assert parse_url(f"{scheme}://user@host/db", "A_VARIABLE").drivername == DRIVER


def test_a_password_survives() -> None:
    url = URL.create(DRIVER, "user", PASSWORD, "host", PORT, "db")
    text = url.render_as_string(hide_password=False)
    assert parse_url(url, "A_VARIABLE").password == PASSWORD
    assert parse_url(f" '{text}'\n", "A_VARIABLE").password == PASSWORD


@pytest.mark.parametrize(
    "value",
    [
        "DRIVER://user:secret@word@host/db",
        "DRIVER://user:secret@host:port/db",
        "DRIVER://user:secret@host/",
        "DRIVER://user:secret@ho\nst/db",
        "sqlite:///secret",
    ],
)
def test_a_wrong_url_is_refused_without_repeating_it(value: str) -> None:
    with pytest.raises(SettingsError, match="A_VARIABLE") as refusal:
        parse_url(value.replace("DRIVER", DRIVER), "A_VARIABLE")
    assert "secret" not in str(refusal.value)
