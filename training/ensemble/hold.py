"""Expected hold: how long out-of-fold convictions last, and what came of them over that time.

A signal pays its round trip over the whole time that it is held, not over the horizon of one model. So the cost
filter, the expected return and P(up) speak of the hold. It is counted by the thresholds alone (in at `enter`, out under
`leave`), before any filter: a filter that knows the hold and a hold that knows the filter would go in circles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from strategies.bundle.calibration import fit
from strategies.features.rolling import logarithm
from strategies.kernel.compiled import compiled
from strategies.kernel.settings import DecisionSettings
from training.data.labels import CLIP
from training.data.market_scores import MarketScores

LEAST_POSITIONS = 30  # under which the longest horizon stands for the hold


def mean_hold(convictions: Sequence[np.ndarray], decision: DecisionSettings) -> int:
    """Return the mean number of decision candles from crossing `enter` to falling under `leave`.

    Args:
        convictions: a (n,) array for each run of closes; NaN keeps what is held.
        decision: its thresholds; its longest horizon where there are too few positions.
    """
    count, bars = 0, 0
    for part in convictions:
        found = _holds(np.ascontiguousarray(part, np.float64), decision.enter, decision.leave)
        count, bars = count + found[0], bars + found[1]
    if count < LEAST_POSITIONS:
        return decision.horizons[-1]
    return max(1, round(bars / count))


def hold_target(run: MarketScores, bars: int) -> np.ndarray:
    """Return the (n,) volatility-scaled return from the next open over so many bars; NaN where it is not known yet."""
    opens = logarithm(np.ascontiguousarray(run.open))
    target, known = np.full(len(opens), np.nan), len(opens) - 1 - bars
    if known > 0:
        moves = opens[1 + bars :] - opens[1 : 1 + known]
        target[:known] = np.clip(moves / (run.sigma[:known] * math.sqrt(bars)), -CLIP, CLIP)
    return target


def slopes_over(convictions: Sequence[np.ndarray], runs: Sequence[MarketScores], bars: int) -> tuple[float, float]:
    """Return (slope, probability slope) of convictions against what came over so many bars."""
    targets = [hold_target(run, bars) for run in runs]
    return fit(np.concatenate(list(convictions)), np.concatenate(targets), bars)


@compiled
def _holds(conviction: np.ndarray, enter: float, leave: float) -> tuple[int, int]:
    """Return how many positions one run of closes had, and how many bars they were held together."""
    side, count, bars = 0, 0, 0
    for value in conviction:
        if side != 0:
            bars += 1
        if np.isnan(value):
            continue
        if side != 0 and side * value < leave:
            side = 0
        if side == 0 and abs(value) >= enter:
            side = 1 if value > 0.0 else -1
            count += 1
    return count, bars
