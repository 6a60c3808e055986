"""The example's page."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from {{ cookiecutter.project_slug }}.extensions import db
from {{ cookiecutter.project_slug }}.models.note import Note


def test_a_note_is_added_and_listed(client: FlaskClient) -> None:
    answer = client.post("/notes/", data={"text": "<b>milk</b>"}, follow_redirects=True)
    assert answer.status_code == 200
    assert "&lt;b&gt;milk&lt;/b&gt;" in answer.text
    assert db.session.scalars(select(Note.text)).all() == ["<b>milk</b>"]


def test_tests_do_not_see_each_others_notes(client: FlaskClient) -> None:
    assert "There are no notes yet." in client.get("/notes/").text


@pytest.mark.parametrize("text", ["", "   ", "x" * 201])
def test_a_note_needs_1_to_200_characters(client: FlaskClient, text: str) -> None:
    answer = client.post("/notes/", data={"text": text})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert db.session.scalars(select(Note)).all() == []


def test_a_form_from_elsewhere_is_refused(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    assert client.post("/notes/", data={"text": "milk"}).status_code == 400
    assert db.session.scalars(select(Note)).all() == []
