"""Feature horizons: how far back each group of features looks, per timeframe, in bars.

On 1h these are the recipe's horizons, in hours. Finer timeframes use the same numbers of bars (a 720 h memory on 1m
would need 43,200 bars of warm-up); coarser ones look at about the same spans of calendar time with the bars they
have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from strategies.market import HOUR_MS, Timeframe


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizons:
    """Look-backs in bars; `short`, `middle` and `long` are the windows of the volatility group (a day, a week, a
    month on 1h).
    """

    momentum: tuple[int, ...]
    averages: tuple[int, ...]
    donchian: tuple[int, ...]
    short: int
    middle: int
    long: int
    efficiency: tuple[int, ...]
    variance_ratio: int
    fast_half_life: int
    slow_half_life: int


_HOURLY: Final = Horizons(
    momentum=(1, 2, 4, 8, 12, 24, 48, 72, 168, 336, 720),
    averages=(12, 48, 168, 480),
    donchian=(24, 72, 168, 480, 1440),
    short=24,
    middle=168,
    long=720,
    efficiency=(24, 168),
    variance_ratio=12,
    fast_half_life=72,
    slow_half_life=240,
)
_FOUR_HOURLY: Final = Horizons(
    momentum=(1, 2, 3, 6, 12, 18, 42, 84, 180, 360),
    averages=(6, 24, 84, 240),
    donchian=(18, 42, 120, 360, 540),
    short=18,
    middle=42,
    long=180,
    efficiency=(6, 42),
    variance_ratio=3,
    fast_half_life=18,
    slow_half_life=60,
)
_DAILY: Final = Horizons(
    momentum=(1, 2, 3, 7, 14, 30, 60, 120),
    averages=(5, 14, 40, 100),
    donchian=(7, 20, 60, 120),
    short=7,
    middle=20,
    long=60,
    efficiency=(7, 20),
    variance_ratio=5,
    fast_half_life=10,
    slow_half_life=30,
)


def horizons_of(timeframe: Timeframe) -> Horizons:
    """Return the look-backs used on a timeframe."""
    if timeframe.ms <= HOUR_MS:
        return _HOURLY
    return _FOUR_HOURLY if timeframe is Timeframe.H4 else _DAILY
