"""What a person may look at in a bundle: its skill in every market, its calibration, what its trees look at, and why a
family weighs what it weighs. All figures are out of fold; nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from storage.lazy import lazily
from strategies.bundle.calibration import OVERLAP, fit_probability
from strategies.oversight.skill import information_coefficient
from training.data.market_scores import Convictions
from training.ensemble.family_figures import BINS, LEAST_ROWS
from training.ensemble.scales import Scales

with lazily():
    import xgboost

FEATURES: Final = 15  # of the importance, the largest
BOOSTERS: Final = "xgboost-"


def explained(
    scales: Scales, horizon_bars: int, files: Mapping[str, bytes], feature_names: Sequence[str]
) -> dict[str, Any]:
    """Return plain JSON types.

    Args:
        scales: of the bundle, with its out-of-fold convictions.
        horizon_bars: labels overlap this much.
        files: of the bundle.
        feature_names: in the order of the models' columns.
    """
    notes = [seat.words for seat in scales.seats] + list(scales.weight_notes)
    return {
        "coins": coin_skill(scales.convictions),
        "calibration": calibration_curve(scales.convictions, horizon_bars),
        "importance": {"xgboost": found} if (found := tree_importance(files, feature_names)) else {},
        "why": list(dict.fromkeys(notes)),
    }


def coin_skill(convictions: Sequence[Convictions]) -> list[dict[str, Any]]:
    """Return each market's IC of the conviction and how many closes it stands on, the largest IC first."""
    found = []
    for symbol in dict.fromkeys(part.run.symbol for part in convictions):
        own = [part for part in convictions if part.run.symbol == symbol]
        conviction = np.concatenate([part.conviction for part in own])
        target = np.concatenate([part.run.target for part in own])
        known = np.isfinite(conviction) & np.isfinite(target)
        if known.sum() >= LEAST_ROWS and conviction[known].std() > 0:
            ic = information_coefficient(conviction[known], target[known])
            found.append({"symbol": symbol, "ic": round(float(ic), 4), "rows": int(known.sum())})
    return sorted(found, key=lambda part: -float(part["ic"]))


def calibration_curve(convictions: Sequence[Convictions], horizon_bars: int) -> list[dict[str, Any]]:
    """Return P(up) beside the share of rises in ten equal bins: fitted on the older half, seen on the newer."""
    conviction = np.concatenate([part.conviction for part in convictions])
    target = np.concatenate([part.run.target for part in convictions])
    open_ms = np.concatenate([part.run.open_ms for part in convictions])
    known = np.isfinite(conviction) & np.isfinite(target)
    if known.sum() < LEAST_ROWS:
        return []
    conviction, is_up, open_ms = conviction[known], target[known] > 0, open_ms[known]
    older = open_ms < np.median(open_ms)
    slope = fit_probability(conviction[older], is_up[older], 1.0 / (OVERLAP * horizon_bars))
    chance, happened = 1.0 / (1.0 + np.exp(-slope * conviction[~older])), is_up[~older]
    bins = np.array_split(np.argsort(chance, kind="stable"), BINS)
    return [
        {
            "probability": round(float(chance[rows].mean()), 4),
            "seen": round(float(happened[rows].mean()), 4),
            "rows": len(rows),
        }
        for rows in bins
        if len(rows)
    ]


def tree_importance(files: Mapping[str, bytes], feature_names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the features that the boosters' splits gained most by, as shares of all gain; [] without boosters."""
    boosters = [content for name, content in files.items() if name.startswith(BOOSTERS) and name.endswith(".ubj")]
    if not boosters:
        return []
    gains = np.zeros(len(feature_names))
    for content in boosters:
        booster = xgboost.Booster({"nthread": 1})
        booster.load_model(bytearray(content))
        booster.feature_names = None
        for name, gain in booster.get_score(importance_type="total_gain").items():
            gains[int(name.removeprefix("f"))] += float(np.mean(gain))
    order = np.argsort(-gains)[:FEATURES]
    return [
        {"feature": feature_names[row], "share": round(float(gains[row] / gains.sum()), 4)}
        for row in order.tolist()
        if gains[row] > 0
    ]
