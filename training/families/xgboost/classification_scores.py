"""Classification scores: F1 by class, and returns after a class with an interval."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import erfc, sqrt
from typing import Final

import numpy as np

from strategies.market import DAY_MS

WEEK_MS: Final = 7 * DAY_MS
LEAST_EVENTS: Final = 20
SAMPLES: Final = 2000
DISCOVERY_RATE: Final = 0.1  # of false discoveries (Benjamini & Hochberg 1995)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassScore:
    """Precision and recall of one class at its natural frequency; `rows` truly are of it."""

    name: str
    rows: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """How a model fared on rows it had not seen.

    Attributes:
        macro_f1: mean over the classes that occur.
        shuffled_f1: the same after shuffling the predictions: what guessing at these frequencies scores.
        accuracy: share of right classes; `most_frequent`: what always naming the most frequent one scores.
    """

    rows: int
    macro_f1: float
    shuffled_f1: float
    accuracy: float
    most_frequent: float
    classes: tuple[ClassScore, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplift:
    """The mean volatility-scaled forward return after an event in the event's direction, less the market's own.

    Attributes:
        low, high: 95 % interval, whole weeks resampled.
        p_value: two-sided.
        is_discovery: survives the false discovery rate over all classes of the report.
    """

    name: str
    events: int
    mean: float
    low: float
    high: float
    p_value: float
    is_discovery: bool = False


def recognition(
    truth: np.ndarray, predicted: np.ndarray, names: tuple[str, ...], rng: np.random.Generator
) -> Recognition:
    """Return how well (n,) predicted classes match the true ones."""
    scores = class_scores(truth, predicted, names)
    guessed = class_scores(truth, rng.permutation(predicted), names)
    counts = np.bincount(truth, minlength=len(names))
    return Recognition(
        rows=len(truth),
        macro_f1=_macro(scores),
        shuffled_f1=_macro(guessed),
        accuracy=float((truth == predicted).mean()),
        most_frequent=float(counts.max() / max(len(truth), 1)),
        classes=scores,
    )


def class_scores(truth: np.ndarray, predicted: np.ndarray, names: tuple[str, ...]) -> tuple[ClassScore, ...]:
    """Return the scores of every class that occurs among the true ones."""
    table = np.zeros((len(names), len(names)), np.int64)  # (true, predicted)
    np.add.at(table, (truth, predicted), 1)
    right, true, said = np.diag(table), table.sum(1), table.sum(0)
    return tuple(
        ClassScore(
            name=name,
            rows=int(true[index]),
            precision=float(right[index] / max(said[index], 1)),
            recall=float(right[index] / true[index]),
            f1=float(2 * right[index] / (true[index] + said[index])),
        )
        for index, name in enumerate(names)
        if true[index]
    )


def uplifts(
    events: np.ndarray,
    side: np.ndarray,
    forward: np.ndarray,
    open_ms: np.ndarray,
    names: tuple[str, ...],
    rng: np.random.Generator,
) -> list[Uplift]:
    """Return what followed the events of each class but the first ("none").

    Args:
        events: (n,) class of each row, markets pooled; 0: none.
        side: (n,) +1 or -1 where there is one.
        forward: (n,) forward return, NaN unknown.
        open_ms: (n,); rows of the same week are resampled together.
    """
    known = np.isfinite(forward)
    usual = float(forward[known].mean())
    found = []
    for index, name in enumerate(names):
        chosen = known & (events == index) & (side != 0)
        if not index or chosen.sum() < LEAST_EVENTS:
            continue
        excess = side[chosen] * (forward[chosen] - usual)
        found.append(_uplift(name, excess, open_ms[chosen] // WEEK_MS, rng))
    return discoveries(found)


def discoveries(found: list[Uplift]) -> list[Uplift]:
    """Mark those whose p-value survives Benjamini and Hochberg's step-up rule."""
    ordered = sorted(uplift.p_value for uplift in found)
    limits = [p for rank, p in enumerate(ordered, 1) if p <= DISCOVERY_RATE * rank / len(ordered)]
    return [replace(uplift, is_discovery=bool(limits) and uplift.p_value <= limits[-1]) for uplift in found]


def _uplift(name: str, excess: np.ndarray, week: np.ndarray, rng: np.random.Generator) -> Uplift:
    _, index = np.unique(week, return_inverse=True)
    sums, counts = np.bincount(index, excess), np.bincount(index).astype(np.float64)
    draws = rng.integers(0, len(sums), (SAMPLES, len(sums)))
    means = sums[draws].sum(1) / counts[draws].sum(1)
    low, high = np.quantile(means, (0.025, 0.975))
    mean, deviation = float(excess.mean()), float(means.std())
    p_value = erfc(abs(mean) / deviation / sqrt(2)) if deviation > 0 else 1.0
    return Uplift(name=name, events=len(excess), mean=mean, low=float(low), high=float(high), p_value=p_value)


def _macro(scores: tuple[ClassScore, ...]) -> float:
    return float(np.mean([score.f1 for score in scores])) if scores else 0.0
