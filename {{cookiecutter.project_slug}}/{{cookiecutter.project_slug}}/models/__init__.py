"""The models: each module and package in this folder is found by itself."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from migrator.errors import SettingsError
from sqlalchemy import Table


def import_all_models() -> list[str]:
    """Import every module below this package, so that the MetaData of `Base` has all tables.

    A module that fails to import fails here, with its own error: a table whose model is
    missing would look like a table to drop.

    Returns:
        The full names of the modules, in the order of their import.

    Raises:
        SettingsError: a model or a table asks for another database with a bind key.
    """
    names = module_names()
    for name in names:
        import_module(name)
    for bound in _bound(names):
        raise SettingsError(
            f"{bound} has a bind key, but the models in this folder are of one database: move it to"
            " a module outside models/, with a Project that migrates the other database."
        )
    return names


def _bound(modules: list[str]) -> Iterator[str]:
    """Yield the name of each model or table that asks for another database."""
    for module in modules:
        for name, value in vars(sys.modules[module]).items():
            # Flask-SQLAlchemy notes the key in the MetaData of a table.
            table = getattr(value, "__table__", value)
            noted = isinstance(table, Table) and table.metadata.info.get("bind_key") is not None
            if noted or isinstance(getattr(value, "__bind_key__", None), str):
                yield f"{module}.{name}"


def module_names() -> list[str]:
    """Return the full name of every module and package below this one, sorted."""
    # The files, not pkgutil, which ignores a folder without __init__.py.
    folder = Path(__file__).parent
    modules = [path.relative_to(folder).with_suffix("").parts for path in folder.rglob("*.py")]
    packages = [parts[:-1] if parts[-1] == "__init__" else parts for parts in modules]
    return sorted(
        ".".join((__name__, *parts))
        for parts in packages
        if parts and not any(part.startswith(".") for part in parts)
    )
