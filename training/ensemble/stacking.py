"""Stacking weights: how much each family's vote weighs in the blend, learnt out of fold and frozen in the bundle.

"mean" weighs all alike. "stacking" regresses the target on the votes, non-negative and shrunk towards equal weights.
"soft" averages P(up): for odds as small as these that is the mean of votes, each weighed by its own log-odds slope.
"fixed_share" tracks the best family with Herbster and Warmuth's (1998) rule over the out-of-fold days; its last weights
are frozen, so that live, replay and backtest decide by the same numbers.

Whatever the method, who votes at all is decided before: see `seats.py`. The
past is blended with the weights that each quarter could have known, so what calibration and gates see was not fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from storage.lazy import lazily
from strategies.bundle.calibration import SLOPE_PRIOR, fit_probability, fit_slope
from strategies.bundle.ensemble import blend
from strategies.market import DAY_MS
from training.ensemble.seats import FIRST, Members, Seat, seated
from training.ensemble.votes import Votes

with lazily():
    from scipy.optimize import nnls

Method = Literal["mean", "stacking", "soft", "fixed_share"]
QUARTER_MS: Final = 91 * DAY_MS
LEAST_HISTORY_MS: Final = 365 * DAY_MS  # of known labels before weights may differ
SHRINKAGE: Final = 0.5  # deviation of the prior on a stacking weight, as a share of the equal one


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighting:
    """How votes are weighed.

    Attributes:
        share_rate: fixed_share: share of the weight that is spread evenly each day.
    """

    method: Method = "mean"
    share_rate: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """Frozen weights, the past blended with those that it could know, and who votes and why."""

    weights: np.ndarray  # (K,) float64, mean 1 over the voters
    blended: np.ndarray  # (n,) float64
    seats: tuple[Seat, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """A line a family."""
        return tuple(seat.words for seat in self.seats)


def weigh(past: Votes, names: Sequence[str], equal: np.ndarray, weighting: Weighting) -> Weighed:
    """Return the weights to freeze and the blend of the past.

    Args:
        past: every out-of-fold row.
        names: of the K families, the one that votes from the start first.
        equal: (K,) weights of equal voters; 0 where a family has no vote in the blend at all.
    """
    voters = np.flatnonzero(equal > 0)
    voices = [name for name, weight in zip(names, equal, strict=True) if weight > 0]
    if len(voters) < 2:
        return Weighed(weights=equal.copy(), blended=blend(past.votes, equal), seats=())
    own = Votes(
        votes=past.votes[:, voters],
        target=past.target,
        open_ms=past.open_ms,
        known_ms=past.known_ms,
        horizon_bars=past.horizon_bars,
    )
    blended, members = np.full(len(past.target), np.nan), FIRST
    first_ms, last_ms = int(past.open_ms.min()), int(past.open_ms.max())
    for start_ms in range(first_ms, last_ms + 1, QUARTER_MS):
        rows = (past.open_ms >= start_ms) & (past.open_ms < start_ms + QUARTER_MS)
        known, members, _ = weights_by(own, start_ms, voices, weighting, members)
        blended[rows] = blend(own.votes[rows], known)
    final, _, seats = weights_by(own, int(past.known_ms.max()), voices, weighting, members)
    weights = np.zeros(len(equal))
    weights[voters] = final
    return Weighed(weights=weights, blended=blended, seats=seats)


def weights_by(
    past: Votes, ms: int, names: Sequence[str], weighting: Weighting, members: Members = FIRST
) -> tuple[np.ndarray, Members, tuple[Seat, ...]]:
    """Return the (K,) weights that could be known by a time, who votes, and why; the first alone in the first year.

    Args:
        members: who voted until then.
    """
    known = past.by(ms)
    weights = np.zeros(past.votes.shape[1])
    if not len(known.target) or int(known.known_ms.max() - known.open_ms.min()) < LEAST_HISTORY_MS:
        weights[list(FIRST)] = 1.0
        return weights, FIRST, ()
    members, seats = seated(known, names, members)
    keep = np.array(members)
    weights[keep] = estimate(known, keep, weighting)
    return weights, members, seats


def estimate(known: Votes, keep: np.ndarray, weighting: Weighting) -> np.ndarray:
    """Return the (len(keep),) weights of the columns that keep their vote, mean 1."""
    votes = known.votes[:, keep]
    match weighting.method:
        case "mean":
            weights = np.ones(len(keep))
        case "stacking":
            weights = stacked(votes, known.target, known.row_weight)
        case "soft":
            is_up = known.target > 0
            slopes = [fit_probability(votes[:, k], is_up, known.row_weight) for k in range(len(keep))]
            weights = np.maximum(slopes, 0.0)
        case "fixed_share":
            weights = fixed_share(votes, known.target, known.open_ms, known.row_weight, weighting.share_rate)
    total = float(weights.sum())
    return weights * (len(keep) / total) if total > 0 else np.ones(len(keep))


def stacked(votes: np.ndarray, target: np.ndarray, row_weight: float) -> np.ndarray:
    """Return argmin |z - Vw|^2 + |w - c|^2 / (c x `SHRINKAGE`)^2 over w >= 0, c the equal weight that fits best."""
    count = votes.shape[1]
    mean = votes.mean(axis=1)
    equal = fit_slope(mean, target, row_weight) / count
    if not equal > 0:
        return np.ones(count)
    precision = 1.0 / (SHRINKAGE * equal) ** 2
    squares = row_weight * (votes.T @ votes) + precision * np.eye(count)
    products = row_weight * (votes.T @ target) + precision * equal
    root = np.linalg.cholesky(squares)
    weights, _ = nnls(root.T, np.linalg.solve(root, products))
    return np.asarray(weights)


def fixed_share(
    votes: np.ndarray, target: np.ndarray, open_ms: np.ndarray, row_weight: float, share_rate: float
) -> np.ndarray:
    """Return the weights after the last day: multiplied by each day's likelihood, then mixed with equal ones.

    A vote forecasts `SLOPE_PRIOR` x vote with unit variance; a day counts as its independent observations.
    """
    day = (open_ms - open_ms.min()) // DAY_MS
    losses = 0.5 * row_weight * (target[:, None] - SLOPE_PRIOR * votes) ** 2  # (n, K)
    daily = np.column_stack([np.bincount(day, losses[:, k]) for k in range(votes.shape[1])])
    weights = np.full(votes.shape[1], 1.0 / votes.shape[1])
    for loss in daily:
        weights = weights * np.exp(loss.min() - loss)
        weights = (1.0 - share_rate) * weights / weights.sum() + share_rate / len(weights)
    return weights
