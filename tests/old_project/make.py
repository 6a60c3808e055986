"""Makes a project with Flask-Migrate, a revision for each change of its models, and rows.

`python make.py FOLDER`, with BLOG_DATABASE set to the URL of an empty database.
"""

import shutil
import sys
from importlib import import_module
from pathlib import Path

HEAD = """import sqlalchemy as sa

from extensions import db

"""
USER = """
class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    email = db.Column(db.String(80), unique=True, nullable=False)
    name = db.Column(db.String(80))
    role = db.Column(
        db.Enum("admin", "reader", name="role"), nullable=False, server_default="reader"
    )
"""
POST = """
class Post(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    title = db.Column(db.String(80), nullable=False)
    draft = db.Column(db.Boolean)
    user_id = db.Column(db.Integer, db.ForeignKey("user.id"), nullable=False)
    user = db.relationship("User")
"""
ABOUT = """    about = db.Column(db.Text)
"""
CREATED = """    created_at = db.Column(db.DateTime, server_default=db.func.now())
"""
VOTES = """    votes = db.Column(db.Integer, nullable=False, server_default="0")
"""
TAGS = """
tagged = db.Table(
    "tagged",
    db.Column("post_id", db.ForeignKey("post.id"), primary_key=True),
    db.Column("tag_id", db.ForeignKey("tag.id"), primary_key=True),
)


class Tag(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(40), unique=True)
"""
LINK = """
class Link(db.Model):
    __table_args__ = (
        db.CheckConstraint("clicks >= 0", name="counted"),
        db.UniqueConstraint("url", "clicks"),
    )
    id = db.Column(db.Integer, primary_key=True)
    url = db.Column(db.String(200), nullable=False)
    clicks = db.Column(db.Integer, nullable=False)
"""

POST_2 = POST.replace("(80), nullable=False", "(80), nullable=False, index=True")
POST_3 = POST_2.replace("    draft = db.Column(db.Boolean)\n", "")
POST_4 = POST_3.replace("db.String(80)", "db.String(120)")
STEPS = {
    "add users": USER,
    "add posts": USER + POST,
    "describe users": USER + ABOUT + POST,
    "find posts by title": USER + ABOUT + POST_2,
    "note when posts are made": USER + ABOUT + POST_2 + CREATED,
    "add tags": USER + ABOUT + POST_2 + CREATED + TAGS,
    "drop drafts": USER + ABOUT + POST_3 + CREATED + TAGS,
    "allow longer titles": USER + ABOUT + POST_4 + CREATED + TAGS,
    "count votes": USER + ABOUT + POST_4 + CREATED + VOTES + TAGS,
    "add links": USER + ABOUT + POST_4 + CREATED + VOTES + TAGS + LINK,
}


def make(folder: Path) -> None:
    """Write the project, and let Flask-Migrate make its history on the database."""
    import flask_migrate

    sources = Path(__file__).parent
    for name in ("app.py", "extensions.py"):
        shutil.copy(sources / name, folder / name)
    sys.path.insert(0, str(folder))
    migrations = str(folder / "migrations")
    for number, (message, models) in enumerate(STEPS.items()):
        (folder / "models.py").write_text(HEAD + models, encoding="utf-8")
        for name in ("app", "extensions", "models"):
            sys.modules.pop(name, None)
        sys.dont_write_bytecode = True
        app = import_module("app").create_app()
        with app.app_context():
            if number == 0:
                flask_migrate.init(migrations)
            flask_migrate.migrate(migrations, message)
            flask_migrate.upgrade(migrations)
    with app.app_context():
        models = import_module("models")
        user = models.User(email="a@example.com", name="A")
        session = import_module("extensions").db.session
        session.add_all([models.Post(title=f"Post {n}", user=user) for n in range(3)])
        session.commit()


if __name__ == "__main__":
    make(Path(sys.argv[1]))
