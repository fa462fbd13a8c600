"""Labels: the forward return from the next open, in the market's own deviations.

The decision falls at a bar's close, the trade at the next open, so the label begins there. Its sign is for display
only: learning the sign and trading it lost money where learning this value earned it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from strategies.features.rolling import logarithm
from strategies.market import HIGH, LOW, OPEN, OPEN_MS, CandleArray, Timeframe

CLIP: Final = 3.0
Target = Literal["return", "triple_barrier"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelling:
    """How closes are labelled.

    Attributes:
        target: "return", which ends after the horizon, or "triple_barrier", which may end before.
        barrier: distance of the barriers, deviations of the horizon's return.
        cost: of a round trip, fraction of the notional; outcomes within it are 0 (triple barrier).
    """

    target: Target = "return"
    barrier: float = 1.0
    cost: float = 0.0014

    @property
    def key(self) -> str:
        """What distinguishes data labelled like this; empty for the default."""
        return "" if self.target == "return" else f"{self.target} {self.barrier!r} {self.cost!r}"

    def label(
        self, candles: CandleArray, sigma: np.ndarray, horizon_bars: int, timeframe: Timeframe
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return (target, label_end_ms) of every bar of a contiguous segment; see the functions below."""
        if self.target == "return":
            return forward_return(candles, sigma, horizon_bars, timeframe)
        return triple_barrier(candles, sigma, horizon_bars, timeframe, self.barrier, self.cost)

    def weights(self, open_ms: np.ndarray, label_end_ms: np.ndarray, timeframe: Timeframe) -> np.ndarray:
        """Return (n,) float32 sample weights with mean 1: the labels' uniqueness.

        Labels of one length on a grid overlap alike, so the default's weights are equal.
        """
        if self.target == "return" or not len(open_ms):
            return np.ones(len(open_ms), np.float32)
        own = uniqueness(open_ms + timeframe.ms, label_end_ms, timeframe.ms)
        found: np.ndarray = (own / own.mean()).astype(np.float32)
        return found


RETURN: Final = Labelling()


def forward_return(
    candles: CandleArray, sigma: np.ndarray, horizon_bars: int, timeframe: Timeframe
) -> tuple[np.ndarray, np.ndarray]:
    """Return the volatility-scaled forward return of every bar of a contiguous segment, and when it is known.

    z[i] = clip(ln(O[i+1+h] / O[i+1]) / (sigma[i] sqrt(h)), -3, 3).

    Args:
        candles: (n, 6) float64, contiguous: nothing crosses a gap because a segment ends there.
        sigma: (n,) per-bar deviation, known at the close of each bar.
        horizon_bars: h.
        timeframe: length of a candle.

    Returns:
        target: (n,) float64; NaN in the last h + 1 rows and where sigma is NaN.
        label_end_ms: (n,) int64, the open at which the label is settled.
    """
    opens = logarithm(np.ascontiguousarray(candles[:, OPEN]))
    target = np.full(len(candles), np.nan)
    labelled = len(candles) - 1 - horizon_bars
    if labelled > 0:
        moves = opens[1 + horizon_bars :] - opens[1 : 1 + labelled]
        target[:labelled] = np.clip(moves / (sigma[:labelled] * math.sqrt(horizon_bars)), -CLIP, CLIP)
    label_end_ms = candles[:, OPEN_MS].astype(np.int64) + (1 + horizon_bars) * timeframe.ms
    return target, label_end_ms


def triple_barrier(
    candles: CandleArray, sigma: np.ndarray, horizon_bars: int, timeframe: Timeframe, barrier: float, cost: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return what a bet on every bar would have come to between two equal barriers and a deadline, and when.

    Entered at O[i+1]; ended at +-barrier sigma[i] sqrt(h), where the first of both was touched, or else at O[i+1+h]. An
    outcome within the round trip's cost is 0: it would not have paid. Equal barriers and a target that changes its sign
    with the market keep mirror symmetry (Lopez de Prado 2018, ch. 3, with costs). Where one bar touches both, the
    barrier nearer its open was first, as in the execution kernel.

    Args:
        candles: (n, 6) float64, contiguous.
        sigma: (n,) per-bar deviation, known at the close of each bar.
        horizon_bars: h, the deadline.
        timeframe: length of a candle.
        barrier: distance of the barriers, deviations of the h-bar return.
        cost: of a round trip, fraction of the notional.

    Returns:
        target: (n,) float64, in deviations of the h-bar return, clipped at +-3; NaN in the last h + 1 rows and where
            sigma is NaN.
        label_end_ms: (n,) int64, the open of the bar at which the outcome is known.
    """
    opens, highs, lows = (logarithm(np.ascontiguousarray(candles[:, column])) for column in (OPEN, HIGH, LOW))
    target, count = np.full(len(candles), np.nan), len(candles) - 1 - horizon_bars
    ended = np.full(len(candles), 1 + horizon_bars, np.int64)
    if count > 0:
        entry, scale = opens[1 : 1 + count], sigma[:count] * math.sqrt(horizon_bars)
        outcome, is_open = opens[1 + horizon_bars :] - entry, np.isfinite(scale)
        for bar in range(1, 1 + horizon_bars):
            inside = slice(bar, bar + count)
            above, below = highs[inside] - entry >= barrier * scale, lows[inside] - entry <= -barrier * scale
            is_up = above & (~below | (opens[inside] > entry))
            hit = is_open & (above | below) & ~(above & below & (opens[inside] == entry))
            outcome = np.where(hit, np.where(is_up, barrier * scale, -barrier * scale), outcome)
            ended[:count] = np.where(hit, bar + 1, ended[:count])
            is_open &= ~hit
        target[:count] = np.clip(np.where(np.abs(outcome) > cost, outcome, 0.0) / scale, -CLIP, CLIP)
    return target, candles[:, OPEN_MS].astype(np.int64) + ended * timeframe.ms


def direction(target: np.ndarray) -> np.ndarray:
    """Return the sign of the target: 1.0 up, 0.0 down or unchanged, NaN unknown."""
    return np.where(np.isfinite(target), (target > 0).astype(np.float64), np.nan)


def uniqueness(start_ms: np.ndarray, end_ms: np.ndarray, step_ms: int) -> np.ndarray:
    """Return how much of each label is its own: the mean over its life of 1 / (labels alive).

    Args:
        start_ms: (n,) int64 ascending, on the grid of `step_ms`: first bar the label spans.
        end_ms: (n,) int64, the bar at which it ends (exclusive); > start.
        step_ms: length of a bar.

    Returns:
        (n,) float64 in (0, 1]; their sum is the effective number of observations (Lopez de Prado 2018, ch. 4).
    """
    if not len(start_ms):
        return np.zeros(0)
    base = int(start_ms[0])
    first, last = (start_ms - base) // step_ms, (end_ms - base) // step_ms
    changes = np.zeros(int(last.max()) + 1, np.int64)
    np.add.at(changes, first, 1)
    np.add.at(changes, last, -1)
    alive = np.cumsum(changes)
    shares = np.concatenate([[0.0], np.cumsum(1.0 / np.maximum(alive, 1))])
    found: np.ndarray = (shares[last] - shares[first]) / (last - first)
    return found
