"""`flask db diagram`: the models' tables as a picture, in docs/schema.md, where GitHub shows it."""

from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import MetaData

from ..paths import ROOT
from ..project import load_project

DIAGRAM = ROOT / "docs" / "schema.md"


def text(metadata: MetaData) -> str:
    """Return the file's text; nothing when there are no models.

    Args:
        metadata: the models' tables.

    Raises:
        CommandError: paracelsus, a development dependency, is not installed.
    """
    try:
        from paracelsus.transformers.mermaid import Mermaid
    except ImportError as error:
        raise CommandError("The diagram needs the development dependencies: uv sync") from error
    if not metadata.tables:
        return ""
    picture = str(Mermaid(metadata, "preserve-order")).strip()
    return f"# The schema\n\nAs `uv run flask db diagram` draws it.\n\n```mermaid\n{picture}\n```\n"


def diagram(config: Config) -> None:
    """Draw the tables of the models into docs/schema.md."""
    project = load_project(config)
    with project.context(None):
        picture = text(project.load_metadata())
    DIAGRAM.parent.mkdir(exist_ok=True)
    DIAGRAM.write_text(picture, encoding="utf-8")
    config.print_stdout("Written: %s", DIAGRAM.relative_to(ROOT))
