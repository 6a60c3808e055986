"""The models: each module and package in this folder is found by itself."""

from importlib import import_module
from pathlib import Path

from ..database import Base
from ..settings import SettingsError


def import_all_models() -> list[str]:
    """Import every module below this package, so that `Base.metadata` knows all tables.

    A module that fails to import fails here, with its own error: a table whose model is
    missing would look like a table to drop.

    Returns:
        The full names of the modules, in the order of their import.

    Raises:
        SettingsError: a model asks for a database of its own with `__bind_key__`.
    """
    names = module_names()
    for name in names:
        import_module(name)
    for mapper in Base.registry.mappers:
        if getattr(mapper.class_, "__bind_key__", None) is not None:
            raise SettingsError(
                f"{mapper.class_.__module__}.{mapper.class_.__name__} has a __bind_key__, but"
                " this project migrates one database: remove the key, or give the models of"
                " the other database a project of their own."
            )
    return names


def module_names() -> list[str]:
    """Return the full name of every module and package below this one, sorted."""
    # The files, not pkgutil: it passes over a folder that has no __init__.py.
    folder = Path(__file__).parent
    modules = [path.relative_to(folder).with_suffix("").parts for path in folder.rglob("*.py")]
    packages = [parts[:-1] if parts[-1] == "__init__" else parts for parts in modules]
    return sorted(
        ".".join((__name__, *parts))
        for parts in packages
        if parts and not any(part.startswith(".") for part in parts)
    )
