"""Any indicator of pandas-ta-classic as a feature, by name: `[features] extra = ["aroon(25)"]`.

Values are standardised against their own trailing 240 bars, since an unknown indicator has unknown units.
The library and pandas are imported only when an extra is asked for. Indicators that look ahead or change their past
are refused.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from strategies.errors import BadInput
from strategies.features.bars import Column
from strategies.features.rolling import rolling_deviation, rolling_mean
from strategies.market import HOUR_MS, CandleArray

STANDARDISE_BARS: Final = 240
_PROBE_BARS: Final = 1200


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
    from strategies.features import indicator_call  # pandas

    return indicator_call.run(call, candles)


def _standardise(column: np.ndarray) -> np.ndarray:
    mean = rolling_mean(column, STANDARDISE_BARS)
    found: np.ndarray = (column - mean) / (rolling_deviation(column, STANDARDISE_BARS) + 1e-9)
    return found
