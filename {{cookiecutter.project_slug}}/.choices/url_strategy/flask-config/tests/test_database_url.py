"""The database is what the Flask app is configured with."""

from pathlib import Path

import pytest
from flask import Flask
from migrator.engine import migration_url
from migrator.errors import SettingsError
from migrator.url import EXAMPLE, parse_url

from {{ cookiecutter.project_slug }} import app as factory
from {{ cookiecutter.project_slug }} import config, settings
from {{ cookiecutter.project_slug }}.app import create_app
from {{ cookiecutter.project_slug }}.database.migrations import PROJECT
from {{ cookiecutter.project_slug }}.database.url import VARIABLE

URL = parse_url(EXAMPLE, "the example")
VARIABLES = ("ENVIRONMENT", "FLASK_SQLALCHEMY_DATABASE_URI", "MIGRATION_DATABASE_URL")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Begin without a variable and without the developer's own .env and instance folder."""
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    monkeypatch.setattr(factory, "INSTANCE", tmp_path)
    for variable in VARIABLES:
        # Set first, so that what .env sets is undone too.
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)


def served() -> object:
    """Return the URL that a new app serves from."""
    return create_app().config["SQLALCHEMY_DATABASE_URI"]


def migrated() -> object:
    """Return the URL that migrations use."""
    with PROJECT.context(None):
        return migration_url(PROJECT)


@pytest.mark.parametrize("environment", config.CLASSES)
def test_the_environments_class_decides(monkeypatch: pytest.MonkeyPatch, environment: str) -> None:
    monkeypatch.setenv("ENVIRONMENT", f" {environment.upper()} ")
    monkeypatch.setattr(config.CLASSES[environment], VARIABLE, URL, raising=False)
    assert served() == migrated() == URL


def test_instance_config_wins_over_the_class(tmp_path: Path) -> None:
    text = f"SQLALCHEMY_DATABASE_URI = {EXAMPLE!r}\n"
    (tmp_path / "config.py").write_text(text, encoding="utf-8")
    assert served() == migrated() == URL


def test_a_flask_variable_wins_over_instance_config(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config.py").write_text("SQLALCHEMY_DATABASE_URI = 'nonsense'\n", encoding="utf-8")
    monkeypatch.setenv("FLASK_SQLALCHEMY_DATABASE_URI", EXAMPLE)
    assert served() == URL


def test_env_file_is_read(tmp_path: Path) -> None:
    text = f"FLASK_SQLALCHEMY_DATABASE_URI={EXAMPLE}\n"
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    assert served() == URL


def test_the_current_app_wins_over_a_new_one() -> None:
    other = URL.set(database="/other" if URL.database and "/" in URL.database else "other")
    with create_app({"SQLALCHEMY_DATABASE_URI": other}).app_context():
        assert migrated() == other


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_staging_and_production_have_no_default(
    monkeypatch: pytest.MonkeyPatch, environment: str
) -> None:
    monkeypatch.setenv("ENVIRONMENT", environment)
    with pytest.raises(SettingsError, match=f"ENVIRONMENT is {environment}"):
        create_app()


def test_an_unknown_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "prod")
    with pytest.raises(SettingsError, match="ENVIRONMENT is 'prod'"):
        create_app()


@pytest.mark.parametrize("value", ["", "  ", "not a url", "oracle://u:secret@h/d", "x://a\nb"])
def test_what_is_no_url_is_refused_without_repeating_it(value: str) -> None:
    with pytest.raises(SettingsError, match="SQLALCHEMY_DATABASE_URI") as refusal:
        create_app({"SQLALCHEMY_DATABASE_URI": value})
    assert "secret" not in str(refusal.value)


def test_migrations_can_have_a_user_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_SQLALCHEMY_DATABASE_URI", EXAMPLE)
    assert migrated() == URL
    owner = URL.set(database=f"{URL.database}_owner")
    monkeypatch.setenv("MIGRATION_DATABASE_URL", owner.render_as_string(hide_password=False))
    assert migrated() == owner
    assert served() == URL


def test_another_database_has_another_owner(monkeypatch: pytest.MonkeyPatch, app: Flask) -> None:
    monkeypatch.setenv("MIGRATION_DATABASE_URL", EXAMPLE)
    other = app.config["SQLALCHEMY_DATABASE_URI"]
    with create_app({"SQLALCHEMY_DATABASE_URI": other}).app_context():
        assert migrated() == other
