"""Each environment's database comes from its own variable and from nowhere else."""

from pathlib import Path

import pytest
from flask import Flask
from migrator.engine import migration_url
from migrator.errors import SettingsError
from migrator.url import EXAMPLE, parse_url

from {{ cookiecutter.project_slug }} import settings
from {{ cookiecutter.project_slug }}.database.migrations import PROJECT
from {{ cookiecutter.project_slug }}.database.url import database_url
from {{ cookiecutter.project_slug }}.variables import VARIABLES

URL = parse_url(EXAMPLE, "the example")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Begin without a variable and without the developer's own .env."""
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    for variable in ("ENVIRONMENT", "MIGRATION_DATABASE_URL", *VARIABLES.values()):
        # Set first, so that what .env sets is undone too.
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)


@pytest.mark.parametrize(("environment", "variable"), VARIABLES.items())
def test_an_environment_reads_its_own_variable(
    monkeypatch: pytest.MonkeyPatch, environment: str, variable: str
) -> None:
    for name in VARIABLES.values():
        monkeypatch.setenv(name, "nonsense")
    monkeypatch.setenv("ENVIRONMENT", f" {environment.upper()} ")
    monkeypatch.setenv(variable, EXAMPLE)
    assert database_url() == migration_url(PROJECT) == URL


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_no_environment_borrows_another_ones_database(
    monkeypatch: pytest.MonkeyPatch, environment: str
) -> None:
    for name in VARIABLES.values():
        monkeypatch.setenv(name, EXAMPLE)
    monkeypatch.setenv("ENVIRONMENT", environment)
    monkeypatch.delenv(VARIABLES[environment])
    with pytest.raises(SettingsError, match=VARIABLES[environment]):
        database_url()


def test_development_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL_DEV", EXAMPLE)
    assert database_url() == URL


def test_an_unknown_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "prod")
    with pytest.raises(SettingsError, match="ENVIRONMENT is 'prod'"):
        database_url()


@pytest.mark.parametrize("value", ["", "  ", "not a url", "oracle://u:secret@h/d", "x://a\nb"])
def test_what_is_no_url_is_refused_without_repeating_it(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("DATABASE_URL_DEV", value)
    with pytest.raises(SettingsError, match="DATABASE_URL_DEV") as refusal:
        database_url()
    assert "secret" not in str(refusal.value)


def test_env_file_is_read_and_never_overrides(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = f"ENVIRONMENT=staging\nDATABASE_URL_STAGING={EXAMPLE}\n"
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    assert database_url() == URL
    monkeypatch.setenv("ENVIRONMENT", "production")
    with pytest.raises(SettingsError, match="DATABASE_URL_PROD"):
        database_url()


def test_migrations_can_have_a_user_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL_DEV", EXAMPLE)
    assert migration_url(PROJECT) == database_url()
    owner = URL.set(database=f"{URL.database}_owner")
    monkeypatch.setenv("MIGRATION_DATABASE_URL", owner.render_as_string(hide_password=False))
    assert migration_url(PROJECT) == owner
    assert database_url() == URL


def test_an_app_in_context_decides(monkeypatch: pytest.MonkeyPatch, app: Flask) -> None:
    monkeypatch.setenv("DATABASE_URL_DEV", EXAMPLE)
    monkeypatch.setenv("MIGRATION_DATABASE_URL", EXAMPLE)
    with app.app_context():
        assert migration_url(PROJECT) == app.config["SQLALCHEMY_DATABASE_URI"]
