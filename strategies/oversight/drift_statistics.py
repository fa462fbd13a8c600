"""Statistics of monitors: has the world moved, are scores still calibrated, is the account inside its band?

Pure arithmetic on arrays; knows no database, model or clock. Draws randomness from the `rng` it is given. Thresholds
come from blocks: features are autocorrelated, so a bound for independent rows would cry wolf nine times of ten.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from strategies.bundle.calibration import OVERLAP
from strategies.kernel.state import FactKind

BINS: Final = 10
PSEUDO_COUNT: Final = 0.5
CLIP: Final = 1e-6  # of a probability, before a logarithm


def quantile_edges(values: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Return the (bins - 1,) inner edges that cut the finite values into equal shares."""
    known = values[np.isfinite(values)]
    return np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1]) if len(known) else np.zeros(bins - 1)


def counts(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return how many finite values fall into each of the bins between `edges`, (bins,) float64."""
    known = values[np.isfinite(values)]
    return np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1).astype(np.float64)


def stability_index(now: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return the population stability index of (..., bins) counts: sum of (q - p) ln(q / p), half a count added."""
    q, p = now + PSEUDO_COUNT, before + PSEUDO_COUNT
    q, p = q / q.sum(-1, keepdims=True), p / p.sum(-1, keepdims=True)
    found: np.ndarray = ((q - p) * np.log(q / p)).sum(-1)
    return found


def block_null(values: np.ndarray, length: int, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return (samples,) indices of one random contiguous block against another of equal length: what chance shows.

    Args:
        values: (n,) or (n, markets): a feature's training history in the order of time. Markets move together, so a
            block takes the same bars of all.
        length: rows of a block, as many as are being watched.
    """
    edges = quantile_edges(values)
    bins = np.searchsorted(edges, values, side="right")
    known = np.isfinite(values)
    hits = (bins[..., None] == np.arange(len(edges) + 1)) & known[..., None]
    hits = hits.reshape(len(values), -1, len(edges) + 1).sum(axis=1)
    sums = np.concatenate([np.zeros((1, len(edges) + 1)), np.cumsum(hits, axis=0)])
    last = len(values) - length
    if last < length:
        return np.full(samples, np.inf)  # too short a history to know what chance shows
    first, second = rng.integers(0, last + 1, (2, samples))
    return stability_index(sums[first + length] - sums[first], sums[second + length] - sums[second])


def holm(p_values: np.ndarray, level: float) -> np.ndarray:
    """Return which of (k,) hypotheses Holm's step-down procedure rejects at a family-wise level."""
    order = np.argsort(p_values, kind="stable")
    rejected = np.zeros(len(p_values), bool)
    for rank, index in enumerate(order):
        if p_values[index] > level / (len(p_values) - rank):
            break
        rejected[index] = True
    return rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationFigures:
    """Probabilities held against what happened.

    Attributes:
        rows: matured decisions.
        brier: mean squared error of P(up).
        log_loss, base_log_loss: in nats; the base always says the share of ups.
        slope, slope_error: logistic slope of the outcome on logit P(up), and its standard error with overlapping
            labels counted once; 1 is calibrated.
    """

    rows: int
    brier: float
    log_loss: float
    base_log_loss: float
    slope: float
    slope_error: float

    @property
    def is_broken(self) -> bool:
        """Whether the slope's 95 % interval leaves 1 out *and* the loss is worse than the base rate's."""
        return abs(self.slope - 1.0) > 1.96 * self.slope_error and self.log_loss > self.base_log_loss


def calibration_figures(probability: np.ndarray, is_up: np.ndarray, horizon_bars: int) -> CalibrationFigures:
    """Return the figures of (n,) probabilities of "up" against (n,) bool outcomes.

    Args:
        horizon_bars: labels on consecutive bars overlap this much; it widens the slope's error.
    """
    p, y = np.clip(probability, CLIP, 1 - CLIP), is_up.astype(np.float64)
    base = min(max(float(y.mean()), CLIP), 1 - CLIP) if len(y) else 0.5
    slope, information = _logistic_slope(np.log(p / (1 - p)), y)
    error = math.sqrt(OVERLAP * horizon_bars / information) if information > 0 else math.inf
    return CalibrationFigures(
        rows=len(y),
        brier=float(((p - y) ** 2).mean()) if len(y) else math.nan,
        log_loss=_log_loss(p, y),
        base_log_loss=_log_loss(np.full(len(y), base), y),
        slope=slope,
        slope_error=error,
    )


def drawdown_band(
    returns: np.ndarray, days: int, quantile: float, samples: int, block: float, rng: np.random.Generator
) -> float:
    """Return the drawdown that a stationary bootstrap of daily returns exceeds with probability 1 - quantile.

    Args:
        returns: (d,) expected daily net returns.
        days: length of the paths, as long as the account has been watched.
        block: mean days of a block (Politis & Romano 1994).
    """
    if not len(returns) or days < 1:
        return math.inf
    at = rng.integers(0, len(returns), samples)
    equity, peak, worst = np.ones(samples), np.ones(samples), np.zeros(samples)
    for _ in range(days):
        equity = equity * (1 + returns[at])
        peak = np.maximum(peak, equity)
        worst = np.maximum(worst, 1 - equity / peak)
        jumps = rng.random(samples) < 1 / block
        at = np.where(jumps, rng.integers(0, len(returns), samples), (at + 1) % len(returns))
    return float(np.quantile(worst, quantile))


def largest_drawdown(returns: np.ndarray) -> float:
    """Return the largest loss from a peak along (d,) returns, a fraction."""
    equity = np.concatenate([[1.0], np.cumprod(1 + returns)])
    return float((1 - equity / np.maximum.accumulate(equity)).max())


def turnover_by_day(
    facts: np.ndarray, unit_values: np.ndarray, closes_ms: np.ndarray, equity: np.ndarray
) -> np.ndarray:
    """Return (d,) traded notional / equity of the days that end at (d + 1,) `closes_ms[1:]`, equity as at their start.

    Args:
        facts: (n,) FACT.
        unit_values: (n,) units per tick and lot of each fact's market.
        equity: (d + 1,) units.
    """
    is_fill = facts["kind"] == FactKind.FILL
    fills, values = facts[is_fill], np.asarray(unit_values, np.float64)[is_fill]
    notional = np.abs(fills["lots"]) * fills["price"] * values
    day = np.searchsorted(closes_ms, fills["ms"], side="right") - 1
    inside = (day >= 0) & (day < len(closes_ms) - 1)
    traded = np.bincount(day[inside], weights=notional[inside], minlength=max(len(closes_ms) - 1, 0))
    return np.asarray(traded / equity[:-1], np.float64) if len(equity) > 1 else np.zeros(0)


def exposure_by_day(exposure: np.ndarray, closes_ms: np.ndarray, days_ms: np.ndarray) -> np.ndarray:
    """Return the (d,) mean exposure of the days that end at (d + 1,) `days_ms[1:]`, of (n,) exposures at closes."""
    day = np.searchsorted(days_ms, closes_ms, side="left") - 1
    inside, days = (day >= 0) & (day < len(days_ms) - 1), max(len(days_ms) - 1, 0)
    total = np.bincount(day[inside], weights=exposure[inside], minlength=days)
    return np.asarray(total / np.maximum(np.bincount(day[inside], minlength=days), 1), np.float64)


def ratio_band(
    parts: np.ndarray, wholes: np.ndarray, days: int, level: float, samples: int, block: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the central interval of sum(parts) / sum(wholes) over `days` days drawn from (d,) in stationary blocks.

    Days whose wholes are 0 give a ratio of 0; without days there is no bound.
    """
    if not len(parts) or days < 1:
        return -math.inf, math.inf
    at = rng.integers(0, len(parts), samples)
    part, whole = np.zeros(samples), np.zeros(samples)
    for _ in range(days):
        part, whole = part + parts[at], whole + wholes[at]
        jumps = rng.random(samples) < 1 / block
        at = np.where(jumps, rng.integers(0, len(parts), samples), (at + 1) % len(parts))
    ratios = np.divide(part, whole, out=np.zeros(samples), where=whole > 0)
    low, high = np.quantile(ratios, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _log_loss(p: np.ndarray, y: np.ndarray) -> float:
    return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()) if len(y) else math.nan


def _logistic_slope(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return the maximum-likelihood slope through the origin and its Fisher information, by Newton's method."""
    slope, information = 0.0, float((0.25 * x * x).sum())
    if information <= 0:
        return math.nan, 0.0
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(slope * x, -500, 500)))
        information = float((p * (1 - p) * x * x).sum())
        if information <= 1e-12:
            break
        step = float((x * (y - p)).sum()) / information
        slope += min(max(step, -5.0), 5.0)
        if abs(step) < 1e-9:
            break
    return slope, information
