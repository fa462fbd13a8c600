"""A model family that is a plug-in, behind the interface of the built-in ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage.config.plugin_files import family_of
from strategies.errors import BadInput, SigmaError
from strategies.predictors.base import Predictor
from strategies.predictors.plugin import FamilyPlugin, install_family, load_from_plugin
from training.data.dataset import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginModel:
    """What a plug-in learnt: its files with the stamp, and the predictor that they load to."""

    predictor: Predictor
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginFamily:
    """An installed plug-in as a `ModelFamily`."""

    plugin: FamilyPlugin
    seed: int = 0

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to a worker as where the plug-in came from: its module is none that a worker could import."""
        plugin = self.plugin
        if not plugin.origin:
            return _of_value, (plugin, self.seed)
        settings = None if plugin.chosen is None else plugin.chosen.model_dump(mode="json")
        return _of_origin, (plugin.origin, plugin.name, settings, self.seed)

    @property
    def name(self) -> str:
        return self.plugin.name

    def fit(self, dataset: Dataset, known_by_ms: int) -> PluginModel:
        """Fit, and load what was fitted through the very path that a bundle takes.

        The process may be a worker that read no configuration: the plug-in is made known there, too.

        Raises:
            BadInput: the plug-in failed, or its files are no bytes.
        """
        install_family(self.plugin)
        try:
            files = self.plugin.fit(dataset, known_by_ms, self.plugin.chosen, self.seed)
        except SigmaError:
            raise
        except Exception as error:  # a border: the plug-in is somebody else's code
            raise BadInput(f"model family {self.name} ({self.plugin.source}) could not fit: {error!r}") from error
        if wrong := [name for name, content in files.items() if not isinstance(content, bytes)]:
            raise BadInput(f"model family {self.name}: file {wrong[0]!r} is not bytes")
        stamped = self.plugin.stamped(files)
        return PluginModel(predictor=load_from_plugin(self.name, stamped), files=stamped)

    def describe(self) -> dict[str, object]:
        """Return source and settings: another source is another recipe."""
        return self.plugin.describe()


def _of_origin(origin: str, name: str, settings: Any, seed: int) -> PluginFamily:
    return PluginFamily(plugin=family_of(origin, name, settings), seed=seed)


def _of_value(plugin: FamilyPlugin, seed: int) -> PluginFamily:
    return PluginFamily(plugin=plugin, seed=seed)
