"""Calibration drift: recorded votes and convictions held against labels that have matured since."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from strategies.bundle.bundle import Bundle
from strategies.market import DAY_MS, Timeframe
from strategies.oversight.drift_statistics import CalibrationFigures, calibration_figures
from strategies.oversight.skill import information_coefficient
from training.data.dataset import Segment

ENSEMBLE: Final = "ensemble"
LEAST_D: Final = 30
LOGIT_PER_IC: Final = math.sqrt(8 / math.pi)  # logit of Phi(x) near 0: log-odds per unit score and unit correlation


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Decisions as they were taken: (d,) closes, (d, M) convictions, (d, M, K) votes; NaN: none."""

    symbols: tuple[str, ...]
    ms: np.ndarray
    conviction: np.ndarray
    votes: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class VoterCalibration:
    """A family's, or the ensemble's, figures. `ic`: correlation with what happened, markets pooled."""

    name: str
    ic: float
    days: float
    figures: CalibrationFigures


def matured_targets(recorded: Recorded, segments: Sequence[Segment], timeframe: Timeframe) -> np.ndarray:
    """Return (d, M) volatility-scaled forward returns of the decisions; NaN where the label has not settled yet."""
    found = np.full(recorded.conviction.shape, np.nan)
    for part in segments:
        column = recorded.symbols.index(part.symbol)
        rows = np.searchsorted(part.open_ms, recorded.ms - timeframe.ms)
        inside = rows < len(part.open_ms)
        inside[inside] = part.open_ms[rows[inside]] == recorded.ms[inside] - timeframe.ms
        found[inside, column] = part.target[rows[inside]]
    return found


def calibration_drift(
    bundle: Bundle, recorded: Recorded, segments: Sequence[Segment], timeframe: Timeframe
) -> tuple[VoterCalibration, ...]:
    """Return figures per family and of the ensemble; nothing before `LEAST_D` days of labels have matured.

    A family's P(up) is taken from its out-of-fold IC. Markets move together, so they count as one in the errors.
    """
    target = matured_targets(recorded, segments, timeframe)
    matured = np.isfinite(target).any(axis=1)
    days = float(matured.sum()) * timeframe.ms / DAY_MS
    if days < LEAST_D:
        return ()
    overlap = bundle.manifest.horizon_bars * len(recorded.symbols)
    slopes = _slopes(bundle)
    found = []
    for name, slope, scores in (
        *((name, slopes[name], recorded.votes[:, :, k]) for k, name in enumerate(bundle.manifest.families)),
        (ENSEMBLE, bundle.calibration.probability_slope or 0.0, recorded.conviction),
    ):
        known = np.isfinite(scores) & np.isfinite(target)
        probability = 1.0 / (1.0 + np.exp(-slope * scores[known]))
        figures = calibration_figures(probability, target[known] > 0, overlap)
        ic = information_coefficient(scores[known], target[known])
        found.append(VoterCalibration(name=name, ic=ic, days=days, figures=figures))
    return tuple(found)


def _slopes(bundle: Bundle) -> dict[str, float]:
    known = bundle.manifest.out_of_fold
    ics = {} if known is None else known.family_ic
    return {name: LOGIT_PER_IC * max(ics.get(name, 0.0), 0.0) for name in bundle.manifest.families}
