"""Training a bundle: score the past out of fold, freeze the scales, refit on everything, pack.

Reads top to bottom along the arrows of the second path. Every number that live uses to weigh a score (deviations,
slope, P(up), confidence, win table) comes from scores by models that had not seen the bar; the models packed are
then fitted on all of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from storage.config_batch import ValidationSettings
from strategies.bundle import PROBES, Bundle
from strategies.bundle_files import MANIFEST, PROBE_CANDLES, PROBE_SCORES, bundle_id, digest, npy_bytes
from strategies.calibration import Calibration, confidence_quantiles, fit, smoothed_scores
from strategies.errors import BadInput
from strategies.features import HISTORY_BARS
from strategies.manifest import Manifest, OutOfFold
from strategies.market import DAY_MS
from strategies.predictors import Predictor, load_predictor
from strategies.predictors.together import reads_of
from strategies.settings import TradingSettings
from training.dataset import Dataset
from training.expectation import Expectation, expectation_of
from training.families import ModelFamily
from training.joining import blend_weights, joined
from training.out_of_fold import FoldDone, MarketScores, area_under_curve, fit_all, information_coefficient, walk
from training.recipe_gate import RecipeVerdict, judge
from training.records import versions
from training.splits import EMBARGO_MS, Fold, recent_folds
from training.stacking import Votes, Weighting, weigh
from training.wins import Convictions, simulate, win_table, without_protections


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a bundle is made.

    Attributes:
        families: the voters, in order. PPO beside others does not vote, it joins after smoothing.
        weighting: of the voters in the blend.
        trading: thresholds of the win table, smoothing, horizon.
        validation: of the recipe gate.
        window_d: days of out-of-fold scores that deviations and confidence are taken from.
        refit_months, years: of the walk forward.
    """

    families: Sequence[ModelFamily]
    trading: TradingSettings
    validation: ValidationSettings
    weighting: Weighting = field(default_factory=Weighting)
    ppo_floor: float = 0.05
    ppo_cap: float = 0.20
    window_d: int = 400
    refit_months: int = 6
    years: float = 4.0
    embargo_ms: int = EMBARGO_MS
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scales:
    """Frozen deviations and what a unit of conviction means, with the convictions they were taken from."""

    deviations: dict[str, float]
    weights: dict[str, float]
    ppo_weight: float
    weight_notes: tuple[str, ...]
    calibration: Calibration
    convictions: tuple[Convictions, ...]
    out_of_fold: OutOfFold


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedBundle:
    """A packed bundle, not yet stored."""

    id: str
    files: dict[str, bytes]
    bundle: Bundle
    scales: Scales
    verdict: RecipeVerdict
    expected: Expectation


def train(dataset: Dataset, plan: Plan, on_fold: FoldDone | None = None) -> TrainedBundle:
    """Train, calibrate, judge and pack a bundle.

    Args:
        dataset: all that may be seen.
        plan: families and settings.
        on_fold: told about every fold of every family.

    Raises:
        BadInput: the history is too short for a walk forward.
    """
    folds = walk_folds(dataset, plan)
    runs = walk(dataset, plan.families, folds, on_fold)
    scales = calibrate(dataset, plan, runs)
    past = simulate(dataset, scales.convictions, without_protections(plan.trading, dataset.timeframe))
    trades = past.trades
    pooled = [
        np.concatenate([getattr(part.run, name) for part in scales.convictions]) for name in ("target", "open_ms")
    ]
    verdict = judge(
        np.concatenate([part.conviction for part in scales.convictions]),
        pooled[0],
        pooled[1],
        np.array([trade.net_return for trade in trades]),
        plan.validation,
        plan.seed,
    )
    models = fit_all(plan.families, dataset, runs, dataset.until_ms)
    files = {name: content for model in models for name, content in model.files.items()}
    predictors = [load_predictor(family.name, files, dataset.features) for family in plan.families]
    manifest = manifest_of(dataset, plan, scales, predictors).model_copy(update={"wins": win_table(trades)})
    bundle = Bundle("b-unpacked", manifest, dataset.features, predictors)
    probes = bundle.probe(_probe_candles(dataset))
    files |= {PROBE_CANDLES: npy_bytes(probes.candles), PROBE_SCORES: npy_bytes(probes.scores)}
    manifest = manifest.model_copy(update={"files": {name: digest(files[name]) for name in sorted(files)}})
    files[MANIFEST] = manifest.model_dump_json(indent=1).encode()
    packed = Bundle(bundle_id(files), manifest, bundle.features, bundle.predictors)
    return TrainedBundle(
        id=packed.id, files=files, bundle=packed, scales=scales, verdict=verdict, expected=expectation_of(past)
    )


def walk_folds(dataset: Dataset, plan: Plan) -> list[Fold]:
    """Return the folds of a dataset's walk forward; the first one trains on at least 40 % of the history."""
    return recent_folds(
        dataset.from_ms, dataset.until_ms, months=plan.refit_months, years=plan.years, embargo_ms=plan.embargo_ms
    )


def calibrate(dataset: Dataset, plan: Plan, runs: Sequence[MarketScores]) -> Scales:
    """Return the frozen scales of out-of-fold scores.

    Raises:
        BadInput: a family gave no score, or the same score everywhere.
    """
    until_ms = max(int(run.open_ms[-1]) for run in runs)
    recent = [run.open_ms >= until_ms - plan.window_d * DAY_MS for run in runs]
    deviations = {}
    for index, family in enumerate(plan.families):
        scores = np.concatenate([run.scores[mask, index] for run, mask in zip(runs, recent, strict=True)])
        scores = scores[np.isfinite(scores)]
        if len(scores) < 100 or not scores.std() > 0:
            raise BadInput(f"{family.name}: found {len(scores)} distinct out-of-fold scores, needed at least 100")
        deviations[family.name] = float(scores.std())
    scale = np.array(list(deviations.values()))
    names = [family.name for family in plan.families]
    votes = [run.scores / scale for run in runs]
    weighed = weigh(
        pooled_votes(dataset, runs, votes), names, np.array(list(blend_weights(names).values())), plan.weighting
    )
    weights = dict(zip(names, weighed.weights.tolist(), strict=True))
    blended = np.split(weighed.blended, np.cumsum([len(part) for part in votes])[:-1])
    smoothed = [smoothed_scores(scores, plan.trading.decision.smoothing_span) for scores in blended]
    deviation = float(np.concatenate([s[mask] for s, mask in zip(smoothed, recent, strict=True)]).std())
    known = [np.where(np.isfinite(scores), s / deviation, np.nan) for s, scores in zip(smoothed, blended, strict=True)]
    target = np.concatenate([run.target for run in runs])
    known, ppo_weight = joined(known, votes, list(weights), target, plan.ppo_floor, plan.ppo_cap)
    conviction = np.concatenate(known)
    slope, probability_slope = fit(conviction, target, dataset.horizon_bars)
    calibration = Calibration(
        conviction_deviation=deviation,
        slope=slope,
        probability_slope=probability_slope,
        confidence_quantiles=confidence_quantiles(
            np.concatenate([c[mask] for c, mask in zip(known, recent, strict=True)])
        ),
    )
    return Scales(
        deviations=deviations,
        weights=weights,
        ppo_weight=ppo_weight,
        weight_notes=weighed.notes,
        calibration=calibration,
        convictions=tuple(
            Convictions(
                run=run,
                conviction=part,
                expected_return=calibration.expected_return(part, run.sigma, dataset.horizon_bars),
            )
            for run, part in zip(runs, known, strict=True)
        ),
        out_of_fold=_out_of_fold(plan, runs, np.concatenate(blended), target),
    )


def pooled_votes(dataset: Dataset, runs: Sequence[MarketScores], votes: Sequence[np.ndarray]) -> Votes:
    """Return the standardised votes of all runs, one after the other, with what came of them."""
    open_ms = np.concatenate([run.open_ms for run in runs])
    return Votes(
        votes=np.concatenate(list(votes)),
        target=np.concatenate([run.target for run in runs]),
        open_ms=open_ms,
        known_ms=open_ms + (1 + dataset.horizon_bars) * dataset.timeframe.ms,
        horizon_bars=dataset.horizon_bars,
    )


def recipe_id(dataset: Dataset, plan: Plan) -> str:
    """Return the digest of everything that makes a recipe: bundles that share it are refreshes of each other."""
    decision = plan.trading.decision
    document = {
        "families": {family.name: family.describe() for family in plan.families},
        "features": dataset.features.fingerprint,
        "horizon_bars": dataset.horizon_bars,
        "timeframe": dataset.timeframe.value,
        "smoothing_span": decision.smoothing_span,
    }
    if dataset.labelling.key:
        document["labelling"] = dataset.labelling.key
    if plan.weighting.method != "mean":
        document["weighting"] = asdict(plan.weighting)
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:12]


def _out_of_fold(plan: Plan, runs: Sequence[MarketScores], blended: np.ndarray, target: np.ndarray) -> OutOfFold:
    known = np.isfinite(blended) & np.isfinite(target)
    up = target[known] > 0
    scores = np.concatenate([run.scores for run in runs])
    return OutOfFold(
        from_ms=min(int(run.open_ms[0]) for run in runs),
        until_ms=max(int(run.open_ms[-1]) for run in runs),
        rows=int(known.sum()),
        ic=_rounded(information_coefficient(blended, target)),
        auc=_rounded(area_under_curve(blended[known], up)),
        accuracy=_rounded(float(((blended[known] > 0) == up).mean())),
        family_ic={
            family.name: _rounded(information_coefficient(scores[:, index], target))
            for index, family in enumerate(plan.families)
        },
    )


def manifest_of(dataset: Dataset, plan: Plan, scales: Scales, predictors: Sequence[Predictor] = ()) -> Manifest:
    """Return what a bundle of these scales and predictors says about itself, its files apart."""
    names = tuple(family.name for family in plan.families)
    return Manifest(
        exchange=dataset.exchange,
        symbols=dataset.symbols,
        timeframe=dataset.timeframe,
        horizon_bars=dataset.horizon_bars,
        smoothing_span=plan.trading.decision.smoothing_span,
        feature_groups=dataset.features.selected,
        feature_extra=dataset.features.extra,
        feature_names=dataset.features.names,
        fingerprint=dataset.features.fingerprint,
        families=names,
        weights=scales.weights,
        ppo_weight=scales.ppo_weight,
        ppo_reads=reads_of(predictors),
        deviations=scales.deviations,
        calibration=scales.calibration,
        out_of_fold=scales.out_of_fold,
        trained_from_ms=dataset.from_ms,
        trained_until_ms=dataset.until_ms,
        purge_ms=plan.embargo_ms,
        recipe=recipe_id(dataset, plan),
        seed=plan.seed,
        data_hash=dataset.data_hash,
        versions=versions(),
    )


def _probe_candles(dataset: Dataset) -> np.ndarray:
    own = [segment for segment in dataset.segments if segment.symbol == dataset.symbols[0]]
    longest = max(own, key=lambda segment: len(segment.candles))
    candles = longest.candles[-HISTORY_BARS:]
    if len(candles) < 2 * PROBES:
        raise BadInput(f"{dataset.symbols[0]}: found {len(candles)} contiguous candles, needed at least {2 * PROBES}")
    return np.ascontiguousarray(candles)


def _rounded(value: float) -> float:
    return round(value, 6) if np.isfinite(value) else 0.0
