"""Plug-ins: model families, feature groups and alert channels from the user's own files and installed packages.

    [plugins] folder = "plugins"          every *.py file there may define `family`, `features` or `channel`
    entry points                          sigma.families, sigma.features, sigma.channels of installed packages

What is found is made known by name; its source's digest goes into fingerprints, recipes and bundles.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from storage.config.plugins import PluginSettings
from strategies.errors import BadInput

if TYPE_CHECKING:
    from strategies.predictors.plugin import FamilyPlugin

GROUPS: Final = {"family": "sigma.families", "features": "sigma.features", "channel": "sigma.channels"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A plug-in: its kind ("family", "features", "channel"), the value, and where it came from."""

    kind: str
    plugin: Any
    origin: str
    source: str


def install(settings: PluginSettings) -> list[Found]:
    """Make the families and feature groups of folder and packages known; return all plug-ins, channels too.

    Raises:
        BadInput: a file cannot be imported, a name is taken, or settings do not fit the plug-in's schema.
    """
    folder = Path(settings.folder) if settings.folder else None
    found = [*_of_folder(folder), *_of_packages()]
    for each in found:
        if each.kind == "family":
            from strategies.predictors.plugin import install_family

            chosen = chosen_settings(each, settings)
            install_family(replace(each.plugin, source=each.source, origin=each.origin, chosen=chosen))
        elif each.kind == "features":
            from strategies.features.plugin import install_features

            install_features(replace(each.plugin, source=each.source))
    return found


def chosen_settings(found: Found, settings: PluginSettings) -> Any:
    """Return a plug-in's settings, checked by its own schema; None where it has none.

    Raises:
        BadInput: a key is unknown or a value does not fit.
    """
    given, schema = settings.settings.get(found.plugin.name, {}), found.plugin.settings
    where = f"[plugins.settings.{found.plugin.name}]"
    if schema is None:
        if given:
            raise BadInput(f"{where} has {', '.join(given)}; this plug-in has no settings")
        return None
    if unknown := sorted(set(given) - set(schema.model_fields)):
        raise BadInput(f"{where} has {unknown[0]!r}; {', '.join(schema.model_fields)} are known")
    try:
        return schema.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"{where} {key} is {first['input']!r}: {first['msg'].lower()}") from error


def of_file(path: Path) -> list[Found]:
    """Return the plug-ins that a file defines.

    Raises:
        BadInput: it cannot be read or imported, or defines none.
    """
    module, source = _import(path), _digest(path)
    found = [
        Found(kind=kind, plugin=getattr(module, kind), origin=str(path), source=source)
        for kind in GROUPS
        if hasattr(module, kind) and not inspect.ismodule(getattr(module, kind))
    ]
    if not found:
        raise BadInput(f"{path} defines no plug-in; `family`, `features` or `channel` is needed")
    return found


def family_of(origin: str, name: str, settings: Any) -> FamilyPlugin:
    """Return the model family of a file or package again, in a process that read no configuration.

    Args:
        origin: as installed: a path, or "module:name".
        name: of the family.
        settings: as chosen; None where it has none.

    Raises:
        BadInput: it is not there.
    """
    found = of_file(Path(origin)) if origin.endswith(".py") else list(_of_packages())
    for each in found:
        if each.kind == "family" and each.plugin.name == name and each.origin == origin:
            chosen = None if each.plugin.settings is None else each.plugin.settings.model_validate(settings)
            again: FamilyPlugin = replace(each.plugin, source=each.source, origin=origin, chosen=chosen)
            return again
    raise BadInput(f"{origin} defines no model family {name!r}; a worker needs the file that the command has")


def _of_folder(folder: Path | None) -> Iterator[Found]:
    if folder is None:
        return
    if not folder.is_dir():
        raise BadInput(f"[plugins] folder is {folder}, which is no folder; create it, or leave it empty")
    for path in sorted(folder.glob("*.py")):
        if not path.name.startswith("_"):
            yield from of_file(path)


def _of_packages() -> Iterator[Found]:
    for kind, group in GROUPS.items():
        for point in entry_points(group=group):
            try:
                plugin = point.load()
                module = sys.modules[point.module]
            except Exception as error:  # a border: the plug-in is somebody else's code
                raise BadInput(f"plug-in {point.name} ({point.value}) cannot be imported: {error!r}") from error
            source = _digest(Path(str(module.__file__)))
            yield Found(kind=kind, plugin=plugin, origin=point.value, source=source)


def _import(path: Path) -> ModuleType:
    name = f"sigma_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise BadInput(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a border: the plug-in is somebody else's code
        del sys.modules[name]
        raise BadInput(f"plug-in {path} cannot be imported: {error!r}") from error
    return module


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
