"""The trend rule: an ensemble of Donchian channels, long only unless told otherwise.

It needs no training and trades while no model has passed its gate. Each channel goes long when the close is the
highest of its window, and flat when the close falls to the trailing middle of the channel (Zarattini, Pagani & Barbon
2025). The score is the share of channels that are long (minus those short).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numba import njit

from strategies.features.blocks import WARM_UP_BARS
from strategies.features.rolling import rolling_max
from strategies.market import CLOSE, DAY_MS, HOUR_MS, Timeframe
from strategies.predictors.base import PreparedSlice

FAMILY: Final = "trend"
CHANNEL_DAYS: Final = (5, 10, 20, 30, 60, 90)
DEVIATION: Final = 0.4  # half of the channels long is a conviction of 1.25, none of them 0


@njit(cache=True)
def channel_state(close: np.ndarray, highest: np.ndarray, lowest: np.ndarray, allow_short: bool) -> np.ndarray:
    """Return +1, 0 or -1 per bar: the position of one channel, decided at the close, starting flat at the anchor.

    Args:
        close: (n,) closes.
        highest: (n,) highest close of the window that ends here; NaN before it is long enough.
        lowest: (n,) lowest close of it.
        allow_short: mirror the rule on the way down.
    """
    state = np.zeros(len(close))
    side, stop = 0.0, 0.0
    for i in range(len(close)):
        if np.isnan(highest[i]) or highest[i] == lowest[i]:
            state[i] = side
            continue
        middle = 0.5 * (highest[i] + lowest[i])
        if side > 0.0:
            stop = max(stop, middle)
            if close[i] <= stop:
                side = 0.0
        elif side < 0.0:
            stop = min(stop, middle)
            if close[i] >= stop:
                side = 0.0
        if side == 0.0 and close[i] >= highest[i]:
            side, stop = 1.0, middle
        elif side == 0.0 and allow_short and close[i] <= lowest[i]:
            side, stop = -1.0, middle
        state[i] = side
    return state


class TrendPredictor:
    """The share of Donchian channels that are long, in -1..1.

    Args:
        timeframe: turns days into bars; below 1h a "day" is 24 bars, so that every channel fits the warm-up.
        allow_short: short the mirrored rule too.
    """

    family = FAMILY

    def __init__(self, timeframe: Timeframe, allow_short: bool = False) -> None:
        bars_per_day = DAY_MS // max(timeframe.ms, HOUR_MS)
        self.windows = tuple(days * bars_per_day for days in CHANNEL_DAYS if days * bars_per_day < WARM_UP_BARS)
        self.allow_short = allow_short

    def scores(self, slices: Sequence[PreparedSlice]) -> list[np.ndarray]:
        """Return (rows,) float64 for each slice; NaN where the shortest channel or the deviations are not known."""
        return [self._score(part) for part in slices]

    def _score(self, part: PreparedSlice) -> np.ndarray:
        close = np.ascontiguousarray(part.candles[:, CLOSE])
        total = np.zeros(len(close))
        for window in self.windows:
            highest, lowest = _channel(close, window), -_channel(-close, window)
            total += channel_state(close, highest, lowest, self.allow_short)
        known = part.is_warm & (np.arange(part.first, len(close)) >= self.windows[0])
        return np.where(known, total[part.first :] / len(self.windows), np.nan)


def _channel(values: np.ndarray, window: int) -> np.ndarray:
    """Return the trailing maximum; a window that the warm-up has not filled yet counts from half its length on."""
    half = window // 2
    highest = rolling_max(values, window)
    running = np.maximum.accumulate(values)
    partial = slice(half, min(window - 1, len(values)))
    highest[partial] = running[partial]
    return highest
