"""Family figures: what each family and the ensemble were worth out of fold, IC, slope, P(up) and its calibration.

Every figure stands on scores by models that had not seen the bar. P(up) is fitted on the older half of them and
judged on the newer half, so that its calibration is out of sample too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from strategies.bundle.calibration import OVERLAP, fit_probability
from strategies.oversight.skill import information_coefficient
from training.ensemble.scales import Scales
from training.evidence.skill import area_under_curve

BINS: Final = 10  # of equal count, of the calibration error
LEAST_ROWS: Final = 200
ENSEMBLE: Final = "ensemble"


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyFigures:
    """Out-of-fold figures of one column of scores; NaN where there are too few rows.

    Attributes:
        ic: Pearson correlation with the target, all closes, markets pooled.
        slope: of the target on the score, through the origin: what the score has to be multiplied with. The ensemble's
            score is its conviction, PPO's its position.
        auc: P(score of a rise > score of a fall).
        calibration_error: mean |P(up) - share of rises| over ten bins of P(up), newer half.
        log_loss_gain: of P(up) over a coin, newer half, nats a close.
    """

    name: str
    rows: int
    ic: float
    slope: float
    auc: float
    calibration_error: float
    log_loss_gain: float


def family_figures(scales: Scales, horizon_bars: int) -> list[FamilyFigures]:
    """Return the figures of every family in the order of the votes, the ensemble last."""
    runs = [part.run for part in scales.convictions]
    scores = np.concatenate([run.scores for run in runs])
    convictions = np.concatenate([part.conviction for part in scales.convictions])
    target = np.concatenate([run.target for run in runs])
    open_ms = np.concatenate([run.open_ms for run in runs])
    columns = [*zip(scales.weights, scores.T, strict=True), (ENSEMBLE, convictions)]
    return [figures_of(name, column, target, open_ms, horizon_bars) for name, column in columns]


def figures_of(
    name: str, scores: np.ndarray, target: np.ndarray, open_ms: np.ndarray, horizon_bars: int
) -> FamilyFigures:
    """Return the figures of (n,) out-of-fold scores against (n,) targets; rows where either is NaN are left out."""
    known = np.isfinite(scores) & np.isfinite(target)
    x, z, times = scores[known], target[known], open_ms[known]
    if len(x) < LEAST_ROWS or not x.std() > 0:
        nan = float("nan")
        return FamilyFigures(
            name=name, rows=len(x), ic=nan, slope=nan, auc=nan, calibration_error=nan, log_loss_gain=nan
        )
    error, gain = _calibration(x / x.std(), z > 0, times, horizon_bars)
    return FamilyFigures(
        name=name,
        rows=len(x),
        ic=information_coefficient(x, z),
        slope=float((x * z).sum() / (x * x).sum()),
        auc=area_under_curve(x, z > 0),
        calibration_error=error,
        log_loss_gain=gain,
    )


def _calibration(scores: np.ndarray, is_up: np.ndarray, times: np.ndarray, horizon_bars: int) -> tuple[float, float]:
    """Return (calibration error, log-loss gain) on the newer half of a P(up) that was fitted on the older one."""
    older = times < np.median(times)
    slope = fit_probability(scores[older], is_up[older], 1.0 / (OVERLAP * horizon_bars))
    chance, happened = 1.0 / (1.0 + np.exp(-slope * scores[~older])), is_up[~older]
    return calibration_error(chance, happened), float(np.log(2.0)) - _log_loss(chance, happened)


def calibration_error(chance: np.ndarray, is_up: np.ndarray) -> float:
    """Return the expected calibration error: mean |P - frequency| over bins of equal count (Naeini et al., 2015)."""
    bins: Sequence[np.ndarray] = np.array_split(np.argsort(chance, kind="stable"), BINS)
    gaps = [len(rows) * abs(float(chance[rows].mean() - is_up[rows].mean())) for rows in bins if len(rows)]
    return sum(gaps) / len(chance)


def _log_loss(chance: np.ndarray, is_up: np.ndarray) -> float:
    safe = np.clip(chance, 1e-12, 1 - 1e-12)
    return float(-np.where(is_up, np.log(safe), np.log1p(-safe)).mean())
