"""An app with advanced-alchemy."""

import os

from advanced_alchemy.extensions.flask import (
    AdvancedAlchemy,
    AlembicSyncConfig,
    SQLAlchemySyncConfig,
)
from flask import Flask
from models import Base

app = Flask(__name__)
alchemy = AdvancedAlchemy(
    config=SQLAlchemySyncConfig(
        connection_string=os.environ["DATABASE_URL"],
        metadata=Base.metadata,
        alembic_config=AlembicSyncConfig(script_location="migrations"),
    ),
    app=app,
)
