"""Minutes drawn inside recorded hours, where nobody recorded minutes: seeded, on the hours' grid, adding up to them.

A day's minutes are drawn from a generator of that market and day, so a minute is the same whatever was asked for. The
minutes of an hour have its open, high, low, close and volume exactly; what happened in between is invented, and the
description of such a market says so.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from bot.simulator.market import paths
from bot.simulator.market.source import EMPTY
from bot.simulator.market.walks import draws
from strategies.market import DAY_MS, HIGH, HOUR_MS, LOW, MINUTE_MS, OPEN_MS, CandleArray, Market

_HOURS_A_DAY: Final = 24
_RANGE_TO_DEVIATION: Final = 1.0 / np.sqrt(4.0 * np.log(2.0))  # Parkinson (1980)


def expanded(hours: CandleArray, market: Market, seed: int) -> CandleArray:
    """Return the minutes of hours.

    Args:
        hours: (n, 6) ascending, on the grid of `market`.
        market: tick and lot that prices and volumes lie on.
        seed: of the draws.

    Returns:
        (60 n, 6) candles.
    """
    if not len(hours):
        return EMPTY
    days = hours[:, OPEN_MS].astype(np.int64) // DAY_MS
    first = np.flatnonzero(np.diff(days, prepend=-1))
    return np.concatenate([_day(part, market, seed) for part in np.split(hours, first[1:])])


def hours_without_minutes(hours: CandleArray, minutes: CandleArray, start_ms: int, end_ms: int) -> CandleArray:
    """Return the hours within [start, end) that lie before or after all recorded minutes; gaps inside stay gaps."""
    opens = hours[:, OPEN_MS]
    wanted = (opens >= start_ms - start_ms % HOUR_MS) & (opens < end_ms)
    if len(minutes):
        first, last = minutes[0, OPEN_MS], minutes[-1, OPEN_MS]
        wanted &= (opens + HOUR_MS <= first) | (opens > last)
    return hours[wanted]


def _day(hours: CandleArray, market: Market, seed: int) -> CandleArray:
    opens = hours[:, OPEN_MS].astype(np.int64)
    rng = draws(seed, f"{market.symbol} inside hours", int(opens[0] // DAY_MS))
    shape, of_day = (_HOURS_A_DAY, 60), opens % DAY_MS // HOUR_MS
    steps, weights = rng.standard_normal(shape), 0.1 + rng.gamma(1.5, 1.0, shape)
    wicks = 0.6 * rng.standard_exponential((*shape, 2))
    deviations = np.maximum(np.log(hours[:, HIGH] / hours[:, LOW]) * _RANGE_TO_DEVIATION, 1e-9)
    bars = paths.split_hours(market.bars(hours), deviations, steps[of_day], weights[of_day], wicks[of_day])
    return market.candles((opens[:, None] + np.arange(60) * MINUTE_MS).ravel(), bars)
