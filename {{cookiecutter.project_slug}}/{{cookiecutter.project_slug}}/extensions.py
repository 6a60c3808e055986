"""The Flask extensions, made once and bound to each app by `init_app`."""

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect

from .database import Base

db = SQLAlchemy(model_class=Base)
csrf = CSRFProtect()


def init_app(app: Flask) -> None:
    """Bind every extension to `app`."""
    db.init_app(app)
    csrf.init_app(app)
