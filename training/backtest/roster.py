"""Roster: which markets belong to a run when; they enter when their warm-up is full, and leave when they end.

A value beside the candles of a run, keyed by symbol, so that cutting a run into windows or into groups of markets
leaves it as it is. A run whose markets are all there all the time has none.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from strategies.bundle.warm_up import WARM_UP_DECISIONS
from strategies.features import feature_set
from strategies.features.horizons import horizons_of
from strategies.market import Timeframe
from strategies.universe.members import Members


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """From when to when a market can be traded in a run.

    Attributes:
        first_ms: open of its first candle.
        enters_ms: close at which its warm-up is full.
        ends_ms: close of its last candle, where it ends before the run does; None: it goes on.
    """

    symbol: str
    first_ms: int
    enters_ms: int
    ends_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Members over a run.

    Attributes:
        times_ms: ascending; at each, another set of members begins. Before the first there is none.
        members: the sets.
        ends_ms: when a market's candles ended for good; what is held then is settled at its last price.
    """

    times_ms: tuple[int, ...]
    members: tuple[frozenset[str], ...]
    ends_ms: Mapping[str, int]

    def at(self, ms: int) -> frozenset[str]:
        """Return the members at a time."""
        row = bisect_right(self.times_ms, ms) - 1
        return self.members[row] if row >= 0 else frozenset()

    def next_change(self, ms: int) -> int | None:
        """Return the first time after `ms` at which something changes; None: nothing does."""
        row = bisect_right(self.times_ms, ms)
        return self.times_ms[row] if row < len(self.times_ms) else None

    def is_member(self, symbols: Sequence[str], times_ms: np.ndarray) -> np.ndarray:
        """Return (n, M) bool: who is a member at each of (n,) times."""
        belongs = np.array([[False] * len(symbols), *([symbol in part for symbol in symbols] for part in self.members)])
        rows = np.searchsorted(np.array(self.times_ms, np.int64), times_ms, side="right")
        found: np.ndarray = belongs[rows]
        return found


def roster_of(
    lives: Sequence[Life], start_ms: int, end_ms: int, step_ms: int, universe: Members | None
) -> Roster | None:
    """Return who belongs to a run, or None where everybody does all the time.

    Args:
        lives: of its markets.
        start_ms, end_ms: of the run.
        step_ms: decision candle; changes take hold at its closes.
        universe: who was selected when; None: everybody.
    """
    borders = {start_ms}
    for life in lives:
        borders |= {life.enters_ms, *(() if life.ends_ms is None else (life.ends_ms,))}
    if universe is not None:
        borders |= {int(ms) for ms in universe.times_ms}
    times = sorted({max(start_ms, -(-ms // step_ms) * step_ms) for ms in borders if ms < end_ms})
    sets = [frozenset(life.symbol for life in lives if _belongs(life, ms, universe)) for ms in times]
    changes = [row for row in range(len(times)) if row == 0 or sets[row] != sets[row - 1]]
    ends = {
        life.symbol: -(-life.ends_ms // step_ms) * step_ms
        for life in lives
        if life.ends_ms is not None and start_ms <= life.ends_ms < end_ms
    }
    if len(changes) == 1 and len(sets[0]) == len(lives) and not ends:
        return None
    borders_ms = sorted({times[row] for row in changes} | set(ends.values()))
    return Roster(
        times_ms=tuple(borders_ms),
        members=tuple(sets[bisect_right(times, ms) - 1] for ms in borders_ms),
        ends_ms=ends,
    )


def warm_up_bars(timeframe: Timeframe) -> int:
    """Return how many decision candles a market needs before it may enter: the longest feature, then the smoothing."""
    longest = int(feature_set(timeframe=timeframe).warm_up.max())
    return max(longest, horizons_of(timeframe).slow_half_life) + WARM_UP_DECISIONS


def _belongs(life: Life, ms: int, universe: Members | None) -> bool:
    if ms < life.enters_ms or (life.ends_ms is not None and ms >= life.ends_ms):
        return False
    if universe is None:
        return True
    selection = universe.at(ms)
    return selection is not None and life.symbol in selection.members
