"""Models and revisions in large numbers."""

from pathlib import Path

from tests.projects import Project

_KEY = 'sa.PrimaryKeyConstraint("id", name="pk_{table}")'


def models(count: int, base: str, key: str = "Identity(), ") -> str:
    """Return a module with `count` models, of six columns each.

    Args:
        count: how many.
        base: where `Base` comes from.
        key: what a primary key has beside its type: nothing makes it a SERIAL on PostgreSQL.
    """
    head = f"""from datetime import datetime
from decimal import Decimal

from sqlalchemy import DateTime, ForeignKey, Identity, Numeric, String, func, true
from sqlalchemy.orm import Mapped, mapped_column

from {base} import Base
"""
    return head + "".join(
        f"""

class Thing{number}(Base):
    __tablename__ = "thing_{number}"

    id: Mapped[int] = mapped_column({key}primary_key=True)
    name: Mapped[str] = mapped_column(String(80), index=True)
    price: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    active: Mapped[bool] = mapped_column(server_default=true())
    made: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    before: Mapped[int | None] = mapped_column(ForeignKey("thing_{max(number - 1, 0)}.id"))
"""
        for number in range(count)
    )


def foreign_tables(count: int) -> str:
    """Return the SQL, for PostgreSQL, of `count` tables that no model has."""
    return "".join(
        f"CREATE TABLE foreign_{number} (id serial PRIMARY KEY, name varchar(80) NOT NULL,"
        " price numeric(12, 2), made timestamptz DEFAULT now());"
        f"CREATE INDEX ON foreign_{number} (name);"
        for number in range(count)
    )


def write_revisions(versions: Path, count: int, upgrade: str) -> None:
    """Write a row of `count` revisions into an empty folder.

    Args:
        versions: the folder.
        count: how many.
        upgrade: the statement of each, with `{number}` in it.
    """
    for path in versions.glob("*.py"):
        path.unlink()
    for number in range(count):
        before = f'"r{number - 1:05}"' if number else "None"
        (versions / f"r{number:05}.py").write_text(
            f'"""revision {number}"""\n\nimport sqlalchemy as sa\nfrom alembic import op\n\n'
            f'revision = "r{number:05}"\ndown_revision = {before}\n\n\n'
            f"def upgrade() -> None:\n    {upgrade.format(number=number)}\n\n\n"
            "def downgrade() -> None:\n    pass\n",
            encoding="utf-8",
        )


def write_history(project: Project, count: int) -> None:
    """Give a project of this template `count` revisions, and the models that they lead to.

    One in ten makes a table, the others add a column to it.
    """
    versions = project.path / "alembic" / "versions"
    for path in versions.glob("*.py"):
        path.unlink()
    models = "import sqlalchemy as sa\n\nfrom ..database import Base\n"
    for number in range(count):
        table, column = f"t{number // 10}", f"c{number % 10}"
        if number % 10 == 0:
            key = f'sa.Column("id", sa.Integer, nullable=False), {_KEY.format(table=table)}'
            upgrade, downgrade = f'op.create_table("{table}", {key})', f'op.drop_table("{table}")'
            models += f'\n\nclass T{number // 10}(Base):\n    __tablename__ = "{table}"\n\n'
            models += "    id = sa.Column(sa.Integer, primary_key=True)\n"
        else:
            upgrade = f'op.add_column("{table}", sa.Column("{column}", sa.String(20)))'
            downgrade = f'op.drop_column("{table}", "{column}")'
            models += f"    {column} = sa.Column(sa.String(20))\n"
        before = f'"r{number - 1:05}"' if number else "None"
        (versions / f"r{number:05}.py").write_text(
            f'"""revision {number}"""\n\nimport sqlalchemy as sa\nfrom alembic import op\n\n'
            f'revision = "r{number:05}"\ndown_revision = {before}\n\n\n'
            f"def upgrade() -> None:\n    {upgrade}\n\n\ndef downgrade() -> None:\n    {downgrade}\n",
            encoding="utf-8",
        )
    (project.package / "models" / "history.py").write_text(models, encoding="utf-8")
    project.ok("python", "-m", "migrator.revisions.head")
    project.ok("flask", "db", "diagram")
