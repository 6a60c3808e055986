"""What a database stores in its own words: defaults, CHECKs, computed columns and indexes."""

import re
from dataclasses import dataclass
from typing import Any, Literal

from alembic.ddl._autogen import ComparisonResult
from alembic.ddl.impl import DefaultImpl
from sqlalchemy import (
    CheckConstraint,
    ClauseElement,
    Column,
    Dialect,
    Index,
    Table,
    UniqueConstraint,
)
from sqlalchemy.schema import CreateIndex
from sqlalchemy.util import strip_outer_parens

_LITERAL = re.compile(r"('(?:[^']|'')*')")


@dataclass(frozen=True, eq=False)
class Pair:
    """One thing in a model and in the database, whose two texts differ.

    Attributes:
        kind: `default` and `computed` are of columns.
        model: as the model declares it.
        reflected: as the database has it.
        is_certain: whether it has to be made again, whatever the server says.
    """

    kind: Literal["default", "computed", "check", "index"]
    model: Any
    reflected: Any
    is_certain: bool = False


class ComparesDefinitions(DefaultImpl):
    """An implementation that keeps what differs as text, for the server to be asked about."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Begin with nothing to ask."""
        super().__init__(*arguments, **options)
        self.pairs: list[Pair] = []
        # Tables with columns of another type, with which the server reads an expression again.
        self.retyped: set[Table] = set()

    def compare_check_constraint(
        self, metadata_constraint: CheckConstraint, reflected_constraint: CheckConstraint
    ) -> ComparisonResult:
        """Keep two CHECKs of one name whose conditions differ; Alembic compares no conditions."""
        texts = {
            bare_text(constraint.sqltext, self.dialect)
            for constraint in (metadata_constraint, reflected_constraint)
        }
        if len(texts) > 1 or reflected_constraint.table in self.retyped:
            self.pairs.append(Pair("check", metadata_constraint, reflected_constraint))
        return ComparisonResult.Equal()

    def compare_unique_constraint(
        self, metadata_constraint: UniqueConstraint, reflected_constraint: UniqueConstraint
    ) -> ComparisonResult:
        """Compare the order of the columns as well, which Alembic does not."""
        new, old = ([*each.columns.keys()] for each in (metadata_constraint, reflected_constraint))
        if new != old and sorted(new) == sorted(old):
            return ComparisonResult.Different(f"order {old} to {new}")
        return super().compare_unique_constraint(metadata_constraint, reflected_constraint)

    def compare_indexes(self, metadata_index: Index, reflected_index: Index) -> ComparisonResult:
        """Keep two indexes that differ; Alembic compares no conditions and no options."""
        indexes = metadata_index, reflected_index
        if all(map(_is_plain, indexes)):
            return super().compare_indexes(*indexes)
        texts = {bare(str(CreateIndex(index).compile(dialect=self.dialect))) for index in indexes}
        if len(texts) > 1 or reflected_index.table in self.retyped:
            self.pairs.append(Pair("index", *indexes))
        return ComparisonResult.Equal()


def bare_text(expression: ClauseElement, dialect: Dialect) -> str:
    """Return the SQL of `expression` without what a server writes as it likes."""
    options = {"literal_binds": True, "include_table": False}
    return bare(str(expression.compile(dialect=dialect, compile_kwargs=options)))


def bare(sql: str) -> str:
    """Return `sql` without outer parentheses, white space, quotes and case, but for literals."""
    parts = _LITERAL.split(strip_outer_parens(sql.replace("%%", "%").strip()))
    parts[::2] = [re.sub(r'[\s"`]+', "", part).lower() for part in parts[::2]]
    return "".join(parts)


def _is_plain(index: Index) -> bool:
    columns = all(isinstance(part, Column) for part in index.expressions)
    return columns and not any(
        value is not None and value is not False and value != [] and value != {}
        for value in index.dialect_kwargs.values()
    )
