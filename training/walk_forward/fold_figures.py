"""Fold figures: what each fold of a walk forward came to, and whether the folds tell one story."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from strategies.market import CLOSE, OPEN_MS
from strategies.oversight.skill import information_coefficient
from training.backtest.run import BacktestResult
from training.backtest.run_candles import RunCandles
from training.data.splits import Fold
from training.evidence.performance import NAN, EquityCurve, daily_returns, drawdown, sharpe
from training.walk_forward.walk import WalkForward

LEAST_EARNING: Final = 0.6  # share of folds with a net profit that a stable walk forward has
LEAST_FOLDS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldFigures:
    """One traded fold. Fractions; NaN where undefined.

    Attributes:
        ic: of the score before smoothing with the volatility-scaled forward return, markets pooled.
        trades: opened in the fold.
        holding_return: of equal parts of all markets, bought at its beginning.
    """

    number: int
    train_from_ms: int
    train_until_ms: int
    start_ms: int
    end_ms: int
    ic: float
    net_return: float
    sharpe: float
    max_drawdown: float
    trades: int
    holding_return: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stability:
    """Mean and spread over folds, and what they say.

    Attributes:
        is_stable: at least `LEAST_EARNING` of the folds earned, the mean IC is positive, and so is the net result of
            either half of the folds.
        words: the same for people, with the numbers.
    """

    is_stable: bool
    words: str
    folds: int
    earning: int
    mean_return: float
    deviation_return: float
    mean_ic: float
    deviation_ic: float
    mean_sharpe: float
    deviation_sharpe: float


def fold_figures(walked: WalkForward, targets: np.ndarray, first_ms: int) -> list[FoldFigures]:
    """Return the figures of every traded fold.

    Args:
        first_ms: open of the first candle that could teach.
        targets: (d, M) volatility-scaled forward returns of the decisions.
    """
    return [
        _figures(number, fold, walked.result, targets, first_ms)
        for number, fold in enumerate(walked.folds.traded, start=1)
    ]


def stability(folds: Sequence[FoldFigures]) -> Stability:
    """Return mean, spread and the verdict on them."""
    returns = np.array([fold.net_return for fold in folds])
    ics, sharpes = np.array([fold.ic for fold in folds]), np.array([fold.sharpe for fold in folds])
    earning, half = int((returns > 0).sum()), len(folds) // 2
    halves = [float(np.prod(1.0 + part) - 1.0) for part in (returns[:half], returns[half:])]
    mean_ic = _mean(ics)
    shares_agree = earning >= LEAST_EARNING * len(folds) and min(halves) > 0 and mean_ic > 0
    enough = len(folds) >= LEAST_FOLDS
    opening = "Stable" if enough and shares_agree else "Not stable" if enough else "Too few folds to call it stable"
    words = (
        f"{opening}: {earning} of {len(folds)} folds earned, {returns.mean():+.1%} a fold on average (spread "
        f"{_deviation(returns):.1%}, worst {returns.min():+.1%}), first half {halves[0]:+.1%}, second "
        f"{halves[1]:+.1%}, IC {mean_ic:+.3f} (spread {_deviation(ics):.3f})."
    )
    return Stability(
        is_stable=enough and shares_agree,
        words=words,
        folds=len(folds),
        earning=earning,
        mean_return=float(returns.mean()),
        deviation_return=_deviation(returns),
        mean_ic=mean_ic,
        deviation_ic=_deviation(ics),
        mean_sharpe=_mean(sharpes),
        deviation_sharpe=_deviation(sharpes),
    )


def _figures(number: int, fold: Fold, result: BacktestResult, targets: np.ndarray, first_ms: int) -> FoldFigures:
    own, path = _cut(result.curve, fold), result.path
    decided = (path.ms > fold.start_ms) & (path.ms <= fold.end_ms)
    return FoldFigures(
        number=number,
        train_from_ms=first_ms if fold.train_from_ms is None else fold.train_from_ms,
        train_until_ms=fold.train_until_ms,
        start_ms=fold.start_ms,
        end_ms=fold.end_ms,
        ic=information_coefficient(path.blended[decided], targets[decided]),
        net_return=own.final / own.initial - 1.0,
        sharpe=sharpe(daily_returns(own)),
        max_drawdown=drawdown(own)[0],
        trades=sum(fold.start_ms <= trade.opened_ms < fold.end_ms for trade in result.trades),
        holding_return=_holding(result.candles, fold),
    )


def _cut(curve: EquityCurve, fold: Fold) -> EquityCurve:
    rows = (curve.times > fold.start_ms) & (curve.times <= fold.end_ms)
    before = np.flatnonzero(curve.times <= fold.start_ms)
    initial = float(curve.equity[before[-1]]) if len(before) else curve.initial
    return EquityCurve(start_ms=fold.start_ms, initial=initial, times=curve.times[rows], equity=curve.equity[rows])


def _holding(candles: RunCandles, fold: Fold) -> float:
    changes = []
    for series in candles.decision_candles:
        closes = series[(series[:, OPEN_MS] >= fold.start_ms) & (series[:, OPEN_MS] < fold.end_ms), CLOSE]
        if len(closes) > 1:
            changes.append(float(closes[-1] / closes[0] - 1.0))
    return _mean(np.array(changes))


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else NAN


def _deviation(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.std(ddof=1)) if len(known) > 1 else math.nan
