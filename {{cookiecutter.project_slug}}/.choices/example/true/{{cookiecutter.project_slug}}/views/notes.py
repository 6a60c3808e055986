"""The example: a page that lists notes and adds one."""

from flask import Blueprint, redirect, render_template, url_for
from flask_wtf import FlaskForm
from sqlalchemy import select
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from ..extensions import db
from ..models.note import Note

blueprint = Blueprint("notes", __name__, url_prefix="/notes")


class NoteForm(FlaskForm):
    """The form for a new note."""

    text = StringField("New note", validators=[DataRequired(), Length(max=200)])


@blueprint.get("/")
def index() -> str:
    """List the latest notes, above an empty form."""
    return _page(NoteForm())


@blueprint.post("/")
def add() -> Response | tuple[str, int]:
    """Save the note and list it, or say what is wrong with it."""
    form = NoteForm()
    if not form.validate():
        return _page(form), 422
    db.session.add(Note(text=form.text.data))
    db.session.commit()
    return redirect(url_for(".index"), 303)


def _page(form: NoteForm) -> str:
    notes = db.session.scalars(select(Note).order_by(Note.id.desc()).limit(100))
    return render_template("notes.html", form=form, notes=notes.all())
