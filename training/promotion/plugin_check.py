"""Held to the rules: what every predictor and every feature group promises, asked of a plug-in.

The same properties that the tests hold the built-in ones to: equal bytes for equal arguments, one row as in a thousand
rows in any order, nothing of the future, bytes that are no pickles.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from strategies.features import FeatureSet, block_slices, compute, feature_set
from strategies.features.horizons import horizons_of
from strategies.features.plugin import FeaturePlugin
from strategies.market import OPEN_MS, Timeframe
from strategies.predictors.base import Predictor, PreparedSlice
from strategies.predictors.plugin import FamilyPlugin, load_from_plugin
from training.data.dataset import Dataset
from training.families.plugin import PluginFamily
from training.promotion.known_answer_result import KnownAnswerResult
from training.promotion.known_answers import world, world_candles
from training.promotion.leakage import prepared_of, truncated_features, unmoved_by_the_future

BARS: Final = 6_000
HORIZON_BARS: Final = 12
SEED: Final = 7


def check_family(plugin: FamilyPlugin) -> Iterator[KnownAnswerResult]:
    """Yield what came of every rule for a model family that is installed."""
    features = feature_set()
    dataset = world(BARS, SEED, features, Timeframe.H1, HORIZON_BARS, edge=0.1)
    family = PluginFamily(plugin=plugin, seed=SEED)
    border = dataset.until_ms
    model = family.fit(dataset, border)
    again = family.fit(dataset, border)
    yield _finding("same bytes", dict(model.files) == dict(again.files), "two fits of equal arguments give equal files")
    pickles = [name for name, content in model.files.items() if _is_pickle(content)]
    yield _finding("no pickle", not pickles, f"files are no pickles{_named(pickles)}")
    slices = _slices(dataset)
    scores = model.predictor.scores(slices)
    yield _finding("shape", _fits(scores, slices), "one float64 score for every row asked for")
    yield _finding("finite", _is_finite(scores), "a warm row has a finite score or NaN, never infinity")
    yield _finding("order", _same(scores, _turned(model.predictor, slices)), "slices in another order score the same")
    yield _finding(
        "one row", _same_alone(model.predictor, slices, scores), "a row alone scores as among others, to the bit"
    )
    loaded = load_from_plugin(plugin.name, model.files)
    yield _finding("reload", _same(scores, loaded.scores(slices)), "loaded from its files it scores the same")
    yield from unmoved_by_the_future(family, dataset)


def check_features(plugin: FeaturePlugin) -> Iterator[KnownAnswerResult]:
    """Yield what came of every rule for a feature group that is installed."""
    [candles, *_] = world_candles(BARS, SEED, Timeframe.H1)
    features = feature_set((), (plugin.name,), Timeframe.H1)
    columns = plugin.columns(horizons_of(Timeframe.H1))
    names = [column.name for column in columns]
    yield _finding("names", len(set(names)) == len(names) > 0, f"{len(names)} columns, each with a name of its own")
    whole = _rows(candles, features)
    late = [name for index, name in enumerate(names) if not np.isfinite(whole[:, index]).all()]
    yield _finding("warm-up", not late, f"every row past the warm-up is finite{_named(late)}")
    yield truncated_features(features, Timeframe.H1, candles, "a made-up market")
    scaled = candles.copy()
    scaled[:, 1:5] *= 1024.0  # a power of two changes no bit of a ratio
    moved = [
        name
        for index, name in enumerate(names)
        if not np.allclose(_rows(scaled, features)[:, index], whole[:, index], rtol=1e-4, atol=1e-4)
    ]
    yield _finding("scale", not moved, f"a market with prices 1,024 times as high has the same features{_named(moved)}")


def _finding(name: str, passed: bool, rule: str) -> KnownAnswerResult:
    return KnownAnswerResult(name=name, passed=bool(passed), sentence=rule)


def _named(names: list[str]) -> str:
    return f"; not so: {', '.join(names)}" if names else ""


def _slices(dataset: Dataset) -> list[PreparedSlice]:
    candles = dataset.segments[0].candles
    return [prepared_of(part, dataset) for part in block_slices(candles, dataset.timeframe, candles[-700, OPEN_MS])]


def _rows(candles: np.ndarray, features: FeatureSet) -> np.ndarray:
    parts = block_slices(candles, Timeframe.H1, candles[-900, OPEN_MS])
    return np.concatenate([compute(part.candles, features, Timeframe.H1)[part.first :] for part in parts])


def _fits(scores: list[np.ndarray], slices: list[PreparedSlice]) -> bool:
    return len(scores) == len(slices) and all(
        row.shape == (part.rows,) and row.dtype == np.float64 for row, part in zip(scores, slices, strict=True)
    )


def _is_finite(scores: list[np.ndarray]) -> bool:
    rows = np.concatenate(scores)
    return not np.isinf(rows).any() and bool(np.isfinite(rows).any())


def _turned(predictor: Predictor, slices: list[PreparedSlice]) -> list[np.ndarray]:
    return predictor.scores(slices[::-1])[::-1]


def _same(left: list[np.ndarray], right: list[np.ndarray]) -> bool:
    return all(np.array_equal(one, two, equal_nan=True) for one, two in zip(left, right, strict=True))


def _same_alone(predictor: Predictor, slices: list[PreparedSlice], scores: list[np.ndarray]) -> bool:
    part, known = slices[-1], scores[-1]
    alone = [replace(part, first=len(part.candles) - back) for back in (1, 7)]
    return all(
        np.array_equal(found, known[len(known) - len(found) :], equal_nan=True)
        for cut in alone
        for found in predictor.scores([cut])
    )


def _is_pickle(content: bytes) -> bool:
    if not content.startswith(b"\x80"):
        return False
    try:
        return any(operation.name == "STOP" for operation, _, _ in pickletools.genops(content))
    except ValueError:
        return False


CHECKS: Final[Mapping[str, Callable[..., Iterator[KnownAnswerResult]]]] = {
    "family": check_family,
    "features": check_features,
}
