"""The Flask extensions, made once and bound to each app by `init_app`."""

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect

from .database import Base
from .database.engine import OPTIONS, listen

# The app's SQLALCHEMY_ENGINE_OPTIONS win over OPTIONS.
db = SQLAlchemy(model_class=Base, engine_options=OPTIONS)
csrf = CSRFProtect()


def init_app(app: Flask) -> None:
    """Bind every extension to `app`."""
    db.init_app(app)
    with app.app_context():
        for engine in db.engines.values():
            listen(engine)
    csrf.init_app(app)
