"""The pages that every project has."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from migrator.errors import SettingsError

from {{ cookiecutter.project_slug }}.app import create_app
from {{ cookiecutter.project_slug }}.security import check


def test_the_landing_page_says_how_the_database_is(client: FlaskClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert "The database is up to date" in answer.text


def test_a_missing_page_is_a_404(client: FlaskClient) -> None:
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert "There is no page at this address." in answer.text


def test_an_error_is_json_for_a_client_that_asks_for_it(client: FlaskClient) -> None:
    answer = client.get("/nowhere", headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert answer.json is not None
    assert answer.json["title"] == "Not Found"


def test_an_error_is_a_500_that_tells_nothing(app: Flask) -> None:
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    broken = create_app({"SQLALCHEMY_DATABASE_URI": url, "PROPAGATE_EXCEPTIONS": False})

    @broken.get("/broken")
    def fail() -> str:
        raise RuntimeError("a secret")

    answer = broken.test_client().get("/broken")
    assert answer.status_code == 500
    assert "Something went wrong" in answer.text
    assert "a secret" not in answer.text


@pytest.mark.parametrize("key", [None, "short", 12345678])
def test_serving_needs_a_secret_key(
    app: Flask, monkeypatch: pytest.MonkeyPatch, key: object
) -> None:
    monkeypatch.setitem(app.config, "SECRET_KEY", key)
    with pytest.raises(SettingsError, match="SECRET_KEY"):
        check(app)
