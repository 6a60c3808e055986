"""The example: pages that list notes, add one and delete one."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_wtf import FlaskForm
from sqlalchemy import select
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from ..extensions import db
from ..models.note import Note

PER_PAGE = 10

blueprint = Blueprint("notes", __name__, url_prefix="/notes")


class NoteForm(FlaskForm):
    """The form for a new note."""

    text = StringField("New note", validators=[DataRequired(), Length(max=200)])


@blueprint.get("/")
def index() -> str:
    """List a page of the notes, latest first, below an empty form."""
    return _page(NoteForm())


@blueprint.post("/")
def add() -> Response | tuple[str, int]:
    """Save the note and list it, or say what is wrong with it."""
    form = NoteForm()
    if not form.validate():
        return _page(form), 422
    db.session.add(Note(text=form.text.data))
    db.session.commit()
    flash("The note is saved.")
    return redirect(url_for(".index"), 303)


@blueprint.get("/<int:id>/delete")
def confirm_delete(id: int) -> str:
    """Ask whether to delete the note."""
    return render_template("note_delete.html", note=db.get_or_404(Note, id))


@blueprint.post("/<int:id>/delete")
def delete(id: int) -> Response:
    """Delete the note and list the others."""
    db.session.delete(db.get_or_404(Note, id))
    db.session.commit()
    flash("The note is deleted.")
    return redirect(url_for(".index"), 303)


def _page(form: NoteForm) -> str:
    # Takes ?page= from the address, and answers 404 where there is no such page.
    notes = db.paginate(select(Note).order_by(Note.id.desc()), per_page=PER_PAGE)
    return render_template("notes.html", form=form, notes=notes)
