"""The example's pages."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from {{ cookiecutter.project_slug }}.extensions import db
from {{ cookiecutter.project_slug }}.models.note import Note
from {{ cookiecutter.project_slug }}.views.notes import PER_PAGE


def texts() -> list[str]:
    """Return what the notes in the database say."""
    return [*db.session.scalars(select(Note.text).order_by(Note.id))]


def test_a_note_is_added_and_listed(client: FlaskClient) -> None:
    answer = client.post("/notes/", data={"text": "<b>milk</b>"}, follow_redirects=True)
    assert answer.status_code == 200
    assert "&lt;b&gt;milk&lt;/b&gt;" in answer.text
    assert texts() == ["<b>milk</b>"]


def test_tests_do_not_see_each_others_notes(client: FlaskClient) -> None:
    assert "There are no notes yet." in client.get("/notes/").text


@pytest.mark.parametrize("text", ["", "   ", "x" * 201])
def test_a_note_needs_1_to_200_characters(client: FlaskClient, text: str) -> None:
    answer = client.post("/notes/", data={"text": text})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert texts() == []


def test_older_notes_are_on_the_next_page(client: FlaskClient) -> None:
    db.session.add_all(Note(text=f"note {number}") for number in range(PER_PAGE + 1))
    db.session.commit()
    assert "note 0" not in client.get("/notes/").text
    assert "note 0" in client.get("/notes/?page=2").text
    assert client.get("/notes/?page=3").status_code == 404


def test_a_note_is_deleted_once_that_is_confirmed(client: FlaskClient) -> None:
    note = Note(text="milk")
    db.session.add(note)
    db.session.commit()
    address = f"/notes/{note.id}/delete"
    assert "milk" in client.get(address).text
    assert texts() == ["milk"]
    assert "The note is deleted." in client.post(address, follow_redirects=True).text
    assert texts() == []
    assert client.post(address).status_code == 404


def test_a_form_from_elsewhere_is_refused(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    answer = client.post("/notes/", data={"text": "milk"})
    assert answer.status_code == 400
    assert "This form has expired." in answer.text
    assert texts() == []
