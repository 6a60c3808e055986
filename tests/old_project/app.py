import os

import models  # noqa: F401
from extensions import db, migrate
from flask import Flask


def create_app():
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["BLOG_DATABASE"]
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_recycle": 280}
    db.init_app(app)
    batch = app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite")
    migrate.init_app(app, db, render_as_batch=batch)
    return app
