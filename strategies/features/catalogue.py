"""Feature catalogue: which features there are, and the one function that computes a chosen set of them.

Training, backtest and live call `compute` on anchored slices (`blocks.py`); a set's fingerprint names everything
that could change a bit of its values, so that a model is never fed features it was not trained on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from strategies.errors import BadInput
from strategies.features import classical, lean
from strategies.features.bars import Bars, Column, bars_of
from strategies.features.blocks import require_contiguous
from strategies.features.extra import extra_columns, extra_values
from strategies.features.higher import higher_columns, higher_values, is_higher
from strategies.features.horizons import horizons_of
from strategies.features.plugin import FeaturePlugin, installed_features
from strategies.features.rolling import put_column
from strategies.features.ta import talib
from strategies.market import CandleArray, Timeframe

CODE_VERSION: Final = 1  # raise whenever a formula changes: bundles trained before are then refused
CLIP: Final = 20.0


GROUPS: Final[dict[str, FeaturePlugin]] = {
    "momentum": FeaturePlugin(name="momentum", columns=lean.momentum_columns, values=lean.momentum),
    "averages": FeaturePlugin(name="averages", columns=lean.average_columns, values=lean.averages),
    "donchian": FeaturePlugin(name="donchian", columns=lean.donchian_columns, values=lean.donchian),
    "volatility": FeaturePlugin(name="volatility", columns=lean.volatility_columns, values=lean.volatilities),
    "trend": FeaturePlugin(name="trend", columns=lean.trend_columns, values=lean.trends),
    "oscillators": FeaturePlugin(
        name="oscillators", columns=classical.oscillator_columns, values=classical.oscillators
    ),
    "candle": FeaturePlugin(name="candle", columns=classical.candle_columns, values=classical.candle_shape),
    "volume": FeaturePlugin(name="volume", columns=classical.volume_columns, values=classical.volumes),
    "levels": FeaturePlugin(name="levels", columns=classical.level_columns, values=classical.levels),
    "time": FeaturePlugin(name="time", columns=classical.time_columns, values=classical.times),
}
LEAN: Final = ("momentum", "averages", "donchian", "volatility", "trend")
CLASSICAL: Final = ("oscillators", "candle", "volume", "levels", "time")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSet:
    """A chosen, ordered set of features.

    Attributes:
        names: one per column.
        groups: the group of each column.
        directional: (F,) bool; True where the column changes sign in a market turned upside down.
        warm_up: (F,) int64; a column is NaN in this many first rows of a slice.
        selected: names of the groups, in order.
        extra: indicators from pandas-ta-classic, as written ("aroon(25)").
        timeframe: the look-backs are chosen for it.
        fingerprint: 16 hex digits over names, parameters, code and TA-Lib versions.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    directional: np.ndarray
    warm_up: np.ndarray
    selected: tuple[str, ...]
    extra: tuple[str, ...]
    timeframe: Timeframe
    fingerprint: str

    def index(self, name: str) -> int:
        """Return the column of a feature.

        Raises:
            BadInput: the set has no such feature.
        """
        if name not in self.names:
            raise BadInput(f"feature {name!r} is not in this set; it has {', '.join(self.names)}")
        return self.names.index(name)


def feature_set(
    extra: Sequence[str] = (), groups: Sequence[str] = LEAN, timeframe: Timeframe = Timeframe.H1
) -> FeatureSet:
    """Return the set of the named groups plus extra indicators; `higher_4h` are the lean columns of 4h candles.

    Raises:
        BadInput: a group or indicator does not exist.
    """
    known = group_names()
    unknown = [name for name in groups if name not in known and not is_higher(name)]
    if unknown:
        raise BadInput(f"feature group {unknown[0]!r} does not exist; choose from {', '.join(known)}, higher_4h, …")
    columns = [column for name in groups for column in _columns(name, timeframe)]
    columns += [column for call in extra for column in extra_columns(call)]
    if not columns:
        raise BadInput("a feature set needs at least one group or extra indicator, found none")
    return FeatureSet(
        names=tuple(column.name for column in columns),
        groups=tuple(column.group for column in columns),
        directional=np.array([column.directional for column in columns], bool),
        warm_up=np.array([column.warm_up for column in columns], np.int64),
        selected=tuple(groups),
        extra=tuple(extra),
        timeframe=timeframe,
        fingerprint=_fingerprint(columns, extra, timeframe, _sources(groups)),
    )


def group_names() -> tuple[str, ...]:
    """Return the names of all groups that there are, built in first."""
    return (*GROUPS, *sorted(installed_features().keys() - GROUPS.keys()))


def compute(
    candles: CandleArray, features: FeatureSet, timeframe: Timeframe, sigma: np.ndarray | None = None
) -> np.ndarray:
    """Return the features of every bar of an anchored slice.

    Args:
        candles: (n, 6) float64: open_ms, open, high, low, close, volume; ascending, closed, contiguous; row 0 is the
            anchor.
        features: which ones, in which order.
        timeframe: length of a candle; must be the set's.
        sigma: (n,) the first of `volatility`'s two, where it is known already.

    Returns:
        (n, F) float32, clipped at +-20. Row t depends on rows <= t only, to the bit; NaN before each column's
            warm-up.

    Raises:
        DataGap: two neighbouring bars are not one timeframe apart.
        BadInput: the set was made for another timeframe, or a plug-in's column has not a value for every bar.
    """
    if timeframe is not features.timeframe:
        raise BadInput(f"features are made for {features.timeframe.value}, candles are {timeframe.value}")
    require_contiguous(candles, timeframe)
    bars = bars_of(candles, timeframe, sigma)
    values = [column for name in features.selected for column in _values(name, bars)]
    values += [column for call in features.extra for column in extra_values(call, candles)]
    matrix = np.empty((len(candles), len(features.names)), np.float32)
    for index, (column, warm_up) in enumerate(zip(values, features.warm_up.tolist(), strict=True)):
        given = np.ascontiguousarray(column, np.float64)
        if given.shape != (len(candles),):
            raise BadInput(f"feature {features.names[index]} has the shape {given.shape}; ({len(candles)},) is needed")
        put_column(matrix, index, given, warm_up, CLIP)
    return matrix


def _columns(group: str, timeframe: Timeframe) -> list[Column]:
    return higher_columns(group, timeframe) if is_higher(group) else _group(group).columns(horizons_of(timeframe))


def _values(group: str, bars: Bars) -> list[np.ndarray]:
    return higher_values(group, bars) if is_higher(group) else _group(group).values(bars)


def _group(name: str) -> FeaturePlugin:
    return GROUPS[name] if name in GROUPS else installed_features()[name]


def _sources(groups: Sequence[str]) -> dict[str, str]:
    """Return the sources of the groups that are plug-ins."""
    installed = installed_features()
    return {name: installed[name].source for name in groups if name not in GROUPS and name in installed}


def _fingerprint(columns: Sequence[Column], extra: Sequence[str], timeframe: Timeframe, sources: dict[str, str]) -> str:
    parts: dict[str, object] = {
        "columns": [[column.name, column.group, column.directional, column.warm_up] for column in columns],
        "extra": [_indicator_version(call) for call in extra],
        "timeframe": timeframe.value,
        "code": CODE_VERSION,
        "clip": CLIP,
        "talib": [talib.__version__, talib.__ta_version__.decode().split()[0]],
    }
    if sources:
        parts["plugins"] = sources
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _indicator_version(call: str) -> list[str]:
    from strategies.features import indicator_call

    return [call, indicator_call.VERSION]
