"""Why a signal was given, in two parts that are never mixed: because (what decided), context (what a chart reader
sees).

"because: XGBoost +1.4, ridge +1.1, 24 h momentum +1.8σ; context: RSI oversold (28), price at Fibonacci 0.618 support".
Every number is one that the decision used: votes, and the features that moved the models most, taken from the same row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Protocol, runtime_checkable

import numpy as np

from strategies.bundle.bundle import Bundle, PreparedSlice
from strategies.explain.chart_context import chart_context
from strategies.market import DAY_MS, HOUR_MS, Timeframe
from strategies.predictors.trend import TrendPredictor

ATTRIBUTIONS: Final = 3
REMARKS: Final = 4
_FAMILY_NAMES: Final = {
    "xgboost": "XGBoost",
    "lstm": "LSTM",
    "gru": "GRU",
    "tcn": "TCN",
    "ppo": "PPO",
    "ridge": "ridge",
    "trend": "trend rule",
}


@runtime_checkable
class Attributing(Protocol):
    """A predictor that can say what each feature added to its score."""

    def contributions(self, features: np.ndarray) -> np.ndarray:
        """Return (n, F) contributions of (n, F) features."""
        ...


def explain(
    bundle: Bundle, prepared: PreparedSlice, votes: Mapping[str, float | None], conviction: float, side: int
) -> str:
    """Return "because: …; context: …" for a decision on the last row of a slice.

    Args:
        bundle: that decided.
        prepared: what it scored.
        votes: standardised score by family; None: absent.
        conviction: in unit deviations.
        side: +1 long, -1 short.
    """
    because = [f"conviction {conviction:+.2f}", *_votes(bundle, votes), *_attributions(bundle, prepared, side)]
    remarks = chart_context(prepared.candles, bundle.manifest.timeframe).remarks()[:REMARKS]
    context = f"; context: {', '.join(remarks)}" if remarks else ""
    return f"because: {', '.join(because)}{context}"


def attributions(bundle: Bundle, prepared: PreparedSlice) -> dict[str, float]:
    """Return what each feature added to the blended score on the last row, in vote units, the largest first.

    Families that cannot say (the LSTM, the trend rule) are left out; {} when none can.
    """
    if bundle.features is None:
        return {}
    row = prepared.features[-1:]
    total = np.zeros(row.shape[1])
    for predictor in bundle.predictors:
        if isinstance(predictor, Attributing):
            family = predictor.family
            weight = bundle.manifest.weights[family] / bundle.manifest.deviations[family]
            total += weight * predictor.contributions(row)[0]
    order = np.argsort(-np.abs(total), kind="stable")
    return {bundle.features.names[index]: float(total[index]) for index in order if total[index] != 0.0}


def describe_feature(name: str, value: float, timeframe: Timeframe) -> str:
    """Return a feature and its value as people read it: "24 h momentum +1.8σ", "4h candles: 3 d momentum +1.8σ"."""
    coarse, _, rest = name.partition("_")
    if coarse in set(Timeframe):
        return f"{coarse} candles: {describe_feature(rest, value, Timeframe(coarse))}"
    kind, _, bars = name.rpartition("_")
    span = _span(int(bars) * timeframe.ms) if bars.isdigit() else ""
    match kind:
        case "momentum":
            return f"{span} momentum {value:+.1f}σ"
        case "average":
            return f"{value:+.1f}σ from the {span} average"
        case "donchian":
            return f"{span} channel position {value:+.2f}"
        case "efficiency":
            return f"{span} trend efficiency {value:.2f}"
    return f"{name.replace('_', ' ')} {value:+.2f}"


def _votes(bundle: Bundle, votes: Mapping[str, float | None]) -> list[str]:
    said = []
    for predictor in bundle.predictors:
        vote = votes.get(predictor.family)
        if vote is None or not math.isfinite(vote):
            continue
        if isinstance(predictor, TrendPredictor):
            channels = len(predictor.windows)
            said.append(f"{round(vote * channels):+d} of {channels} Donchian channels")
        else:
            said.append(f"{_FAMILY_NAMES.get(predictor.family, predictor.family)} {vote:+.1f}")
    return said


def _attributions(bundle: Bundle, prepared: PreparedSlice, side: int) -> list[str]:
    """Return the features that pushed most towards the side taken, with their own values."""
    features = bundle.features
    if features is None:
        return []
    pushed = [name for name, share in attributions(bundle, prepared).items() if share * side > 0]
    known = [name for name in pushed if math.isfinite(prepared.features[-1, features.index(name)])]
    return [
        describe_feature(name, float(prepared.features[-1, features.index(name)]), bundle.manifest.timeframe)
        for name in known[:ATTRIBUTIONS]
    ]


def _span(ms: int) -> str:
    if ms % DAY_MS == 0 and ms > DAY_MS:
        return f"{ms // DAY_MS} d"
    return f"{ms // HOUR_MS} h" if ms % HOUR_MS == 0 else f"{ms // 60_000} min"
