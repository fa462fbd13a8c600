"""Model families of the user's own: what a plug-in of that kind is, and which are installed.

`storage/plugins.py` finds them and fills the table once, when the configuration is read; a bundle's predictor is then
looked up here like one of the built-in families.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from strategies.errors import BadInput, BundleRefused
from strategies.predictors.base import Predictor

BUILT_IN: Final = ("xgboost", "ridge", "lstm", "ppo", "gru", "tcn", "transformer")
_INSTALLED: Final[dict[str, FamilyPlugin]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyPlugin:
    """A way to learn, and what scores with what was learnt.

    Attributes:
        name: as in `[ensemble] families`; lower case.
        fit: (dataset, known_by_ms, settings, seed) -> files of the model by name. The dataset is a
            `training.data.dataset.Dataset`; only labels settled by `known_by_ms` may be used. Equal arguments give
            equal bytes. Heavy libraries are imported inside.
        load: (files, settings) -> the predictor. Bytes in, no pickle; runs in the daemon.
        settings: a pydantic model: the schema, and the defaults, of `[plugins.settings.NAME]`; None: there are none.
        source: sha256 of the file it came from, 16 hex digits; filled in when it is installed.
        origin: path of that file, or "module:name" in an installed package; filled in when it is installed.
        chosen: its settings as configured; filled in when it is installed.
    """

    name: str
    fit: Callable[[Any, int, Any, int], Mapping[str, bytes]]
    load: Callable[[Mapping[str, bytes], Any], Predictor]
    settings: Any = None
    source: str = ""
    origin: str = ""
    chosen: Any = None

    @property
    def stamp(self) -> str:
        """Name of the bundle's file that says which source taught the family, with which settings."""
        return f"{self.name}.plugin.json"

    def stamped(self, files: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the files of a model with the stamp beside them."""
        return {**files, self.stamp: json.dumps(self.describe(), sort_keys=True, indent=1).encode()}

    def describe(self) -> dict[str, object]:
        """Return what makes its recipe: source and settings."""
        settings = {} if self.chosen is None else self.chosen.model_dump(mode="json")
        return {"source": self.source, "settings": settings}


def install_family(plugin: FamilyPlugin) -> None:
    """Make a family known; installing the same one again changes nothing.

    Raises:
        BadInput: the name is taken, or is no name.
    """
    if not plugin.name.isidentifier() or plugin.name != plugin.name.lower():
        raise BadInput(f"model family {plugin.name!r} is no name; lower-case letters, digits and _ are needed")
    there = _INSTALLED.get(plugin.name)
    if plugin.name in BUILT_IN or (there is not None and there.source != plugin.source):
        raise BadInput(f"model family {plugin.name!r} is there already; the plug-in needs another name")
    _INSTALLED[plugin.name] = plugin


def installed_families() -> dict[str, FamilyPlugin]:
    """Return the installed families by name."""
    return dict(_INSTALLED)


def family_names() -> tuple[str, ...]:
    """Return the names of all families that there are, built in first."""
    return (*BUILT_IN, *sorted(_INSTALLED))


def load_from_plugin(family: str, files: Mapping[str, bytes]) -> Predictor:
    """Return the predictor of an installed family from a bundle's files.

    Raises:
        BundleRefused: no such family is installed, it changed since the bundle was trained, or it fails to load.
    """
    plugin = _INSTALLED.get(family)
    if plugin is None:
        raise BundleRefused(
            f"family {family!r} is unknown; {', '.join(family_names())} are known: is its plug-in gone?"
        )
    try:
        stamp = json.loads(files[plugin.stamp])
        settings = None if plugin.settings is None else plugin.settings.model_validate(stamp["settings"])
    except (KeyError, ValueError, TypeError) as error:
        raise BundleRefused(f"{plugin.stamp} cannot be read: {error!r}") from error
    if stamp["source"] != plugin.source:
        raise BundleRefused(
            f"family {family} was trained by plug-in {stamp['source']}, installed is {plugin.source}; retrain it"
        )
    own = {name: content for name, content in files.items() if name != plugin.stamp}
    try:
        return plugin.load(own, settings)
    except Exception as error:  # a border: the plug-in is somebody else's code
        raise BundleRefused(f"family {family}: its plug-in could not load the model: {error!r}") from error
