"""What `flask` and the WSGI server find."""

import sys

from {{ cookiecutter.project_slug }}.app import create_app
from {{ cookiecutter.project_slug }}.settings import SettingsError

try:
    app = create_app()
except SettingsError as error:
    sys.exit(f"Error: {error}")
