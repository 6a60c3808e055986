"""What revision files say, read without running them."""

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from alembic.script import Script

# A helper that calls another one, and so on, is followed up to here.
DEPTH = 3


class Call(NamedTuple):
    """A call in a revision, or in a function that it calls.

    Attributes:
        node: as it is written.
        names: what the names in it stand for: constants, functions, and a helper's arguments.
    """

    node: ast.Call
    names: Mapping[str, Any]

    @property
    def function(self) -> str:
        """The name of what is called, without that of its module."""
        match self.node.func:
            case ast.Attribute(attr=name) | ast.Name(id=name):
                return name
        return ""

    def text(self, node: ast.AST) -> str:
        """Return the text that a literal or a name stands for, else ""."""
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name) if isinstance(value := self.names.get(name), str):
                return value
        return ""


def upgrade_calls(script: Script) -> list[Call]:
    """Return the calls of a revision's `upgrade()` and of its module, in their order.

    Those of the functions that it calls follow each call, with the arguments that are texts.
    """
    tree = ast.parse(Path(script.path).read_bytes())
    upgrade = [
        part
        for part in tree.body
        if not isinstance(part, ast.FunctionDef) or part.name == "upgrade"
    ]
    return [*_calls(upgrade, vars(script.module), DEPTH)]


def texts_with_names(scripts: Iterable[Script]) -> Iterator[str]:
    """Yield the texts that any name in `upgrade_calls` is from: files, constants, helpers' files."""
    modules = set()
    for script in scripts:
        yield Path(script.path).read_text("utf-8")
        for value in vars(script.module).values():
            match value:
                case str():
                    yield value
                case FunctionType(__module__=name) | ModuleType(__name__=name):
                    modules.add(name)
    for name in modules:
        file = getattr(sys.modules.get(name), "__file__", None) or ""
        if not _is_foreign(name) and file.endswith(".py"):
            yield Path(file).read_text("utf-8")


def mentions(script: Script | None, word: str) -> bool:
    """Return whether a revision's file has a word in it; False without a revision."""
    return script is not None and word in Path(script.path).read_text(encoding="utf-8")


def _calls(parts: list[ast.stmt], names: Mapping[str, Any], depth: int) -> Iterator[Call]:
    nodes = [node for part in parts for node in ast.walk(part) if isinstance(node, ast.Call)]
    for node in sorted(nodes, key=lambda call: (call.lineno, call.col_offset)):
        call = Call(node, names)
        yield call
        if depth and (helper := _helper(call)) is not None:
            yield from _calls_of_helper(helper, call, depth - 1)


def _helper(call: Call) -> FunctionType | None:
    """Return the function that is called, if it is not Alembic's or SQLAlchemy's."""
    match call.node.func:
        case ast.Name(id=name):
            found = call.names.get(name)
        case ast.Attribute(value=ast.Name(id=module), attr=name) if isinstance(
            call.names.get(module), ModuleType
        ):
            found = getattr(call.names[module], name, None)
        case _:
            return None
    if isinstance(found, FunctionType) and not _is_foreign(found.__module__):
        return found
    return None


def _is_foreign(module: str) -> bool:
    return module.partition(".")[0] in ("alembic", "sqlalchemy", "alembic_postgresql_enum")


def _calls_of_helper(helper: FunctionType, call: Call, depth: int) -> Iterator[Call]:
    try:
        [function] = ast.parse(dedent(inspect.getsource(helper))).body
    except (OSError, SyntaxError, ValueError):
        return
    if isinstance(function, ast.FunctionDef):
        parameters = [parameter.arg for parameter in function.args.args]
        given = dict(zip(parameters, call.node.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in call.node.keywords if keyword.arg}
        texts = {name: call.text(node) for name, node in given.items()}
        yield from _calls(function.body, {**helper.__globals__, **texts}, depth)
