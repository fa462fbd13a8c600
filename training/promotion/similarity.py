"""Similarity: how alike two bundles of one recipe are on recent closes, for the refresh gate.

The candidate is laid beside the champion over the last days; where the champion had not seen a close in training,
its deviation and turnover are compared with those of a twin that had not seen it either. Skill is compared honestly
too: that twin against the votes that did trade, each by the bundle that was in production then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.bundle.bundle import Bundle
from strategies.bundle.calibration import smoothed_scores
from strategies.bundle.warm_up import WARM_UP_DECISIONS
from strategies.features import block_slices
from strategies.market import DAY_MS, OPEN_MS
from strategies.oversight.skill import information_coefficient
from strategies.predictors.base import Predictor
from strategies.predictors.together import reads_of
from training.data.dataset import Dataset, Segment
from training.data.market_scores import MarketScores
from training.ensemble.out_of_fold import fit_all
from training.families.interface import ModelFamily
from training.promotion.gate import Similarity

LEAST_COMPARED_D = 30.0  # out-of-sample days under which the twin is not compared: the IC's own noise is larger then
TWIN_SLACK_D = 45.0  # days by which a twin may be older than asked for where its models are there: a month, and more


@dataclass(frozen=True, slots=True, kw_only=True)
class Reign:
    """A bundle and the closes that it decided: [from, until)."""

    bundle: Bundle
    from_ms: int
    until_ms: int


def similarity(
    candidate: Bundle,
    champion: Bundle,
    reigns: Sequence[Reign],
    twin: Bundle,
    dataset: Dataset,
    window_d: int,
) -> Similarity:
    """Return the figures of the refresh gate over the last `window_d` days of a dataset.

    Args:
        candidate: trained on all of the dataset.
        champion: in production.
        reigns: who decided when in the window; closes that a bundle had seen in training are left out.
        twin: of the candidate, that has not seen the window.
        dataset: where the closes and their targets come from.
        window_d: days.
    """
    until_ms = dataset.until_ms
    from_ms = until_ms - window_d * DAY_MS
    ours, theirs = (convictions(bundle, dataset, from_ms, until_ms) for bundle in (candidate, champion))
    recorded = recorded_convictions(reigns, dataset, from_ms, until_ms)
    target = targets(dataset, from_ms, until_ms)
    both = np.isfinite(recorded) & np.isfinite(target)
    days = both.sum() * dataset.timeframe.ms / DAY_MS / max(1, len(dataset.symbols))
    is_enough = days >= min(LEAST_COMPARED_D, 0.9 * window_d)
    twins = convictions(twin, dataset, from_ms, until_ms)
    was_in_sample = closes(dataset, from_ms, until_ms) < champion.manifest.first_out_of_sample_ms + dataset.timeframe.ms
    matched = np.where(was_in_sample, ours, twins)  # scores are larger on closes a model has learnt: like against like
    return Similarity(
        days=window_d,
        correlation=correlation(ours, theirs),
        deviation_ratio=_ratio(float(np.nanstd(matched)), float(np.nanstd(theirs))),
        turnover_ratio=_ratio(_mean_change(matched), _mean_change(theirs)),
        twin_ic=information_coefficient(twins[both], target[both]) if is_enough else float("nan"),
        champion_ic=information_coefficient(recorded[both], target[both]) if is_enough else float("nan"),
        compared_days=float(days),
    )


def twin_border(dataset: Dataset, window_d: int, embargo_ms: int, trained_ms: Sequence[int] = ()) -> int:
    """Return the time by which a twin knows its labels: the whole window, and the embargo, lie behind it.

    Args:
        dataset: of the candidate.
        window_d: days that the twin must not have seen.
        embargo_ms: before them.
        trained_ms: where earlier bundles of the recipe ended: the newest of them that is old enough is the twin's
            border, since its models were fitted then and are found again.
    """
    latest_ms = dataset.until_ms - window_d * DAY_MS - embargo_ms
    known = [ms - dataset.timeframe.ms for ms in trained_ms]
    fitting = [ms for ms in known if latest_ms - TWIN_SLACK_D * DAY_MS <= ms <= latest_ms]
    return max(fitting, default=latest_ms)


def twin_of(
    candidate: Bundle,
    dataset: Dataset,
    families: Sequence[ModelFamily],
    until_ms: int,
    runs: Sequence[MarketScores] = (),
) -> Bundle:
    """Return the candidate's scales around models that learnt only from labels known by `until_ms`.

    Args:
        runs: out-of-fold scores of the families, for PPO to learn from; what closes later teaches nothing.
    """
    return twin_from(candidate, [model.predictor for model in fit_all(families, dataset, runs, until_ms)])


def twin_from(candidate: Bundle, predictors: Sequence[Predictor]) -> Bundle:
    """Return the candidate's scales around earlier models of its families."""
    manifest = candidate.manifest.model_copy(update={"ppo_reads": reads_of(predictors)})
    return Bundle("b-twin", manifest, candidate.features, predictors)


def convictions(bundle: Bundle, dataset: Dataset, from_ms: int, until_ms: int) -> np.ndarray:
    """Return the conviction of every close in [from, until), segment by segment, smoothed as live smooths it."""
    parts = [_segment_convictions(bundle, segment, dataset, from_ms, until_ms) for segment in dataset.segments]
    return np.concatenate([np.zeros(0), *parts])


def recorded_convictions(reigns: Sequence[Reign], dataset: Dataset, from_ms: int, until_ms: int) -> np.ndarray:
    """Return what decided each close of [from, until); NaN where no bundle did, or one that had seen the close."""
    result = np.full(len(targets(dataset, from_ms, until_ms)), np.nan)
    closed_ms = closes(dataset, from_ms, until_ms)
    for reign in reigns:
        out_of_sample_ms = max(
            from_ms, reign.from_ms, reign.bundle.manifest.first_out_of_sample_ms + dataset.timeframe.ms
        )
        ended_ms = min(reign.until_ms, until_ms)
        chosen = (closed_ms >= out_of_sample_ms) & (closed_ms < ended_ms)
        if chosen.any():
            result[chosen] = convictions(reign.bundle, dataset, out_of_sample_ms, ended_ms)
    return result


def targets(dataset: Dataset, from_ms: int, until_ms: int) -> np.ndarray:
    """Return the targets of the closes in [from, until), in the order of `convictions`."""
    parts = [segment.target[_inside(segment, dataset, from_ms, until_ms)] for segment in dataset.segments]
    return np.concatenate([np.zeros(0), *parts])


def closes(dataset: Dataset, from_ms: int, until_ms: int) -> np.ndarray:
    """Return the times of the closes in [from, until), in the order of `convictions`."""
    step = dataset.timeframe.ms
    parts = [part.open_ms[_inside(part, dataset, from_ms, until_ms)] + step for part in dataset.segments]
    return np.concatenate([np.zeros(0, np.int64), *parts])


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return the Pearson correlation where both are finite; NaN where there is nothing to correlate."""
    known = np.isfinite(first) & np.isfinite(second)
    if known.sum() < 2 or not first[known].std() > 0 or not second[known].std() > 0:
        return float("nan")
    return float(np.corrcoef(first[known], second[known])[0, 1])


def _segment_convictions(bundle: Bundle, segment: Segment, dataset: Dataset, from_ms: int, until_ms: int) -> np.ndarray:
    inside = _inside(segment, dataset, from_ms, until_ms)
    if not inside.any():
        return np.zeros(0)
    step = dataset.timeframe.ms
    first_ms, last_ms = int(segment.open_ms[inside][0]), int(segment.open_ms[inside][-1])
    slices = block_slices(segment.candles, dataset.timeframe, first_ms - WARM_UP_DECISIONS * step, last_ms + step)
    inputs = bundle.decision_inputs([bundle.prepare(part, segment.symbol) for part in slices])
    blended = np.concatenate([part.blended for part in inputs])
    opens = np.concatenate([part.candles[part.first :, OPEN_MS] for part in slices])
    smoothed = smoothed_scores(blended, bundle.manifest.smoothing_span)
    joined = np.concatenate([part.joined for part in inputs])
    known = np.where(np.isfinite(blended), bundle.conviction(smoothed, joined), np.nan)
    return known[opens >= first_ms]


def _inside(segment: Segment, dataset: Dataset, from_ms: int, until_ms: int) -> np.ndarray:
    closed_ms = segment.open_ms + dataset.timeframe.ms
    return (closed_ms >= from_ms) & (closed_ms < until_ms)


def _mean_change(conviction: np.ndarray) -> float:
    """Return the mean absolute change from close to close; the seams between markets weigh next to nothing."""
    return float(np.nanmean(np.abs(np.diff(conviction)))) if len(conviction) > 1 else float("nan")


def _ratio(ours: float, theirs: float) -> float:
    return float(ours / theirs) if theirs > 0 else float("nan")
