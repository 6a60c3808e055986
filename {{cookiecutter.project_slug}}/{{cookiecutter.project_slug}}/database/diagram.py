"""`flask db diagram`: the models' tables as a picture, in docs/schema.md, where GitHub shows it."""

from alembic.config import Config
from alembic.util import CommandError

from ..models import import_all_models
from ..settings import ROOT
from .base import Base

DIAGRAM = ROOT / "docs" / "schema.md"


def text() -> str:
    """Return what the file has to say; nothing when there are no models.

    Raises:
        CommandError: paracelsus, a development dependency, is not installed.
    """
    try:
        from paracelsus.transformers.mermaid import Mermaid
    except ImportError as error:
        raise CommandError("The diagram needs the development dependencies: uv sync") from error
    import_all_models()
    if not Base.metadata.tables:
        return ""
    picture = str(Mermaid(Base.metadata, "preserve-order")).strip()
    return f"# The schema\n\nAs `uv run flask db diagram` draws it.\n\n```mermaid\n{picture}\n```\n"


def diagram(config: Config) -> None:
    """Draw the tables of the models into docs/schema.md."""
    DIAGRAM.parent.mkdir(exist_ok=True)
    DIAGRAM.write_text(text(), encoding="utf-8")
    config.print_stdout("Written: %s", DIAGRAM.relative_to(ROOT))
