"""Feature groups of the user's own: what a plug-in of that kind is, and which are installed.

`storage/plugins.py` fills the table once, when the configuration is read. A group's source is part of the fingerprint
of every set that has it, so a bundle never meets features that other code computed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from strategies.errors import BadInput
from strategies.features.bars import Bars, Column
from strategies.features.horizons import Horizons

_INSTALLED: Final[dict[str, FeaturePlugin]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturePlugin:
    """A family of features computed together.

    Attributes:
        name: as in `[features] groups`; lower case.
        columns: look-backs -> what each column is called, whether a mirrored market flips its sign, its warm-up.
        values: columns of a contiguous slice -> one (n,) float64 array a column; row t from rows <= t only.
        source: sha256 of the file it came from, 16 hex digits; filled in when it is installed. "": built in.
    """

    name: str
    columns: Callable[[Horizons], list[Column]]
    values: Callable[[Bars], list[np.ndarray]]
    source: str = ""


def install_features(plugin: FeaturePlugin) -> None:
    """Make a group known; installing the same one again changes nothing.

    Raises:
        BadInput: the name is no name, or another plug-in has it.
    """
    if not plugin.name.isidentifier() or plugin.name != plugin.name.lower():
        raise BadInput(f"feature group {plugin.name!r} is no name; lower-case letters, digits and _ are needed")
    there = _INSTALLED.get(plugin.name)
    if there is not None and there.source != plugin.source:
        raise BadInput(f"feature group {plugin.name!r} is there already; the plug-in needs another name")
    _INSTALLED[plugin.name] = plugin


def installed_features() -> dict[str, FeaturePlugin]:
    """Return the installed groups by name."""
    return dict(_INSTALLED)
