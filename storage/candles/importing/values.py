"""Values of stored columns by row: prices, volume and source of candles, the rate of funding."""

from __future__ import annotations

from typing import Final

import numpy as np

from storage.candles.monthly import Columns

PRICES: Final = ("open", "high", "low", "close", "volume")
_KEPT: Final = (*PRICES, "source")  # what a replaced candle was


def _names_of(columns: Columns) -> tuple[str, ...]:
    return _KEPT if "open_ms" in columns else ("rate_e8",)


def values_of(columns: Columns, rows: np.ndarray) -> np.ndarray:
    """Return (k, v) float64 of rows: prices, volume and source, or the rate."""
    return np.column_stack([columns[name][rows].astype(np.float64) for name in _names_of(columns)])


def differ(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return (k,) bool: prices, volume or rate differ; where a row came from does not count."""
    measured = slice(0, min(left.shape[1], len(PRICES)))
    return np.asarray((left[:, measured] != right[:, measured]).any(axis=1))


def with_values(columns: Columns, times: np.ndarray, values: np.ndarray) -> Columns:
    """Return the columns with other values at some times."""
    if not len(times):
        return columns
    time = next(iter(columns))
    _, at, given = np.intersect1d(columns[time], times, assume_unique=True, return_indices=True)
    changed = {name: array.copy() for name, array in columns.items()}
    for place, name in enumerate(_names_of(columns)):
        changed[name][at] = values[given, place]
    return changed
