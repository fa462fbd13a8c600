"""Any indicator of pandas-ta-classic as a feature, by name: `[features] extra = ["aroon(25)"]`.

Values are standardised against their own trailing 240 bars, since an unknown indicator has unknown units.
The library and pandas are imported only when an extra is asked for. Indicators that look ahead or change their past
are refused.
"""

from __future__ import annotations

import inspect
import re
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pandas as pd

from strategies.errors import BadInput
from strategies.features.bars import Column
from strategies.features.rolling import rolling_deviation, rolling_mean
from strategies.market import HOUR_MS, CandleArray

STANDARDISE_BARS: Final = 240
_CALL: Final = re.compile(r"\s*([a-z_][a-z0-9_]*)\s*(?:\(\s*([0-9.,\s-]*)\))?\s*$")
_PROBE_BARS: Final = 1200
_LOOK_AHEAD: Final = frozenset({"dpo", "ichimoku", "zigzag", "vp", "trend_return", "percent_return", "log_return"})


def extra_columns(call: str) -> list[Column]:
    """Return the columns an indicator call gives, tried out on a made-up market.

    Raises:
        BadInput: it cannot be read, does not exist, needs more than candles, or is not causal.
    """
    names, warm_up = _probe(call)
    return [Column(name=name, group="extra", directional=False, warm_up=warm_up) for name in names]


def extra_values(call: str, candles: CandleArray) -> list[np.ndarray]:
    """Return the standardised (n,) columns of an indicator over an anchored slice; all NaN while the slice is too
    short.
    """
    names, _ = _probe(call)
    _, columns = _run(call, candles)
    if len(columns) != len(names):
        return [np.full(len(candles), np.nan) for _ in names]
    return [_standardise(column) for column in columns]


@lru_cache(maxsize=64)
def _probe(call: str) -> tuple[tuple[str, ...], int]:
    """Return the names of the columns and their warm-up; the probe also compares a prefix with the whole."""
    rng = np.random.default_rng(0)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, _PROBE_BARS)))
    opening = np.concatenate([[100.0], close[:-1]])
    spread = np.exp(np.abs(rng.normal(0.0, 0.003, _PROBE_BARS)))
    candles = np.column_stack(
        [
            np.arange(_PROBE_BARS) * float(HOUR_MS),
            opening,
            np.maximum(opening, close) * spread,
            np.minimum(opening, close) / spread,
            close,
            rng.uniform(1.0, 2.0, _PROBE_BARS),
        ]
    )
    names, columns = _run(call, candles)
    if not names:
        raise BadInput(f"extra feature {call!r} gave no column on {_PROBE_BARS} candles; a per-bar indicator is needed")
    prefix = _PROBE_BARS - 100
    _, before = _run(call, candles[:prefix])
    for name, column, earlier in zip(names, columns, before, strict=True):
        if not np.array_equal(column[:prefix], earlier, equal_nan=True):
            raise BadInput(
                f"extra feature {call!r} ({name}) changes its past when candles are added; a causal one is needed"
            )
    missing = max(int(np.argmax(np.isfinite(column))) for column in columns)
    return tuple(f"extra_{name.lower()}" for name in names), missing + STANDARDISE_BARS


def _run(call: str, candles: CandleArray) -> tuple[list[str], list[np.ndarray]]:
    import pandas_ta_classic as indicators

    name, arguments = _parse(call)
    function = getattr(indicators, name, None)
    if not callable(function) or name not in {known for names in indicators.Category.values() for known in names}:
        raise BadInput(f"extra feature {call!r}: pandas-ta-classic has no indicator {name!r}")
    if name in _LOOK_AHEAD:
        raise BadInput(f"extra feature {call!r} is not an indicator of past candles; choose another")
    frame = pd.DataFrame(candles[:, 1:], columns=["open", "high", "low", "close", "volume"])
    frame.index = pd.to_datetime(candles[:, 0].astype(np.int64), unit="ms")
    try:
        result = function(**_series(function, frame), **_named(function, arguments))
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise BadInput(f"extra feature {call!r} could not be computed: {error}") from error
    if result is None:
        return [], []
    table = result.to_frame() if isinstance(result, pd.Series) else result
    if not isinstance(table, pd.DataFrame):
        raise BadInput(f"extra feature {call!r} returns {type(result).__name__}; a column per bar is needed")
    return [str(column) for column in table.columns], [table[c].to_numpy(np.float64) for c in table.columns]


def _parse(call: str) -> tuple[str, list[float]]:
    match = _CALL.match(call)
    if match is None:
        raise BadInput(f"extra feature {call!r} cannot be read; write a name and numbers, like aroon(25)")
    try:
        arguments = [float(part) for part in (match[2] or "").split(",") if part.strip()]
    except ValueError as error:
        raise BadInput(f"extra feature {call!r} has an argument that is not a number") from error
    return match[1], arguments


def _parameters(function: Any) -> list[str]:
    return [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]


def _series(function: Any, frame: Any) -> dict[str, Any]:
    """Return the candle columns the indicator asks for by name."""
    return {
        name: frame["open" if name == "open_" else name]
        for name in _parameters(function)
        if name in ("open_", "open", "high", "low", "close", "volume")
    }


def _named(function: Any, arguments: list[float]) -> dict[str, float | int]:
    """Return positional numbers under the names of the indicator's own parameters, whole ones as int."""
    free = [n for n in _parameters(function) if n not in ("open_", "open", "high", "low", "close", "volume")]
    if len(arguments) > len(free):
        raise BadInput(f"{function.__name__} takes at most {len(free)} numbers, found {len(arguments)}")
    return {name: int(value) if value == int(value) else value for name, value in zip(free, arguments, strict=False)}


def _standardise(column: np.ndarray) -> np.ndarray:
    mean = rolling_mean(column, STANDARDISE_BARS)
    found: np.ndarray = (column - mean) / (rolling_deviation(column, STANDARDISE_BARS) + 1e-9)
    return found
