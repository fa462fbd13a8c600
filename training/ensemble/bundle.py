"""Training a bundle: score the past out of fold, freeze the scales, refit on everything, pack.

Reads top to bottom along the arrows of the second path. Every number that live uses to weigh a score (deviations,
slope, P(up), confidence, win table) comes from scores by models that had not seen the bar; the models packed are
then fitted on all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from strategies.bundle.bundle import PROBES, Bundle
from strategies.bundle.files import MANIFEST, PROBE_CANDLES, PROBE_SCORES, bundle_id, digest, npy_bytes
from strategies.bundle.manifest import Manifest
from strategies.errors import BadInput
from strategies.features import HISTORY_BARS
from strategies.predictors.base import Predictor
from strategies.predictors.load import load_predictor
from strategies.predictors.together import reads_of
from training.data.dataset import Dataset
from training.ensemble.expectation import Expectation, expectation_of
from training.ensemble.fits import Means, fit_folds, models_at
from training.ensemble.out_of_fold import FoldDone, walk
from training.ensemble.plan import Plan, groups_of, recipe_id, walk_folds
from training.ensemble.scales import Scales, calibrate
from training.ensemble.wins import simulate, win_table, without_protections
from training.evidence.recipe_gate import RecipeVerdict, judge
from training.runtime.records import versions


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedBundle:
    """A packed bundle, not yet stored.

    Attributes:
        earlier: the families' predictors of what was known by the time that was asked for; (): none was.
    """

    id: str
    files: dict[str, bytes]
    bundle: Bundle
    scales: Scales
    verdict: RecipeVerdict
    expected: Expectation
    earlier: tuple[Predictor, ...] = ()


def train(
    dataset: Dataset,
    plan: Plan,
    on_fold: FoldDone | None = None,
    *,
    means: Means | None = None,
    earlier_ms: int | None = None,
) -> TrainedBundle:
    """Train, calibrate, judge and pack a bundle.

    Args:
        dataset: all that may be seen.
        plan: families and settings.
        on_fold: told about every fold of every family.
        means: cache and processes; none by default. They change no bit.
        earlier_ms: models of what was known by then are fitted, too, for a comparison.

    Raises:
        BadInput: the history is too short for a walk forward.
    """
    folds, means = walk_folds(dataset, plan), replace(means or Means(), groups=groups_of(dataset, plan))
    known_ms = known_by_end(dataset)
    borders = [known_ms] if earlier_ms is None else [known_ms, earlier_ms]
    found = fit_folds(dataset, plan.families, folds, means, borders)
    runs = walk(
        dataset,
        plan.families,
        folds,
        on_fold,
        lambda family, _, fold, group: found[family.name, fold, group],
        means.groups,
        means.cache,
    )
    scales = calibrate(dataset, plan, runs)
    past = simulate(dataset, scales.convictions, without_protections(plan.trading, dataset.timeframe))
    trades = past.trades
    pooled = [
        np.concatenate([getattr(part.run, name) for part in scales.convictions]) for name in ("target", "open_ms")
    ]
    verdict = judge(
        np.concatenate([part.blended for part in scales.convictions]),
        pooled[0],
        pooled[1],
        np.array([trade.net_return for trade in trades]),
        plan.validation,
        plan.seed,
        markets=len({part.run.symbol for part in scales.convictions}),
    )
    models = models_at(found, plan.families, known_ms)
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
        id=packed.id,
        files=files,
        bundle=packed,
        scales=scales,
        verdict=verdict,
        expected=expectation_of(past),
        earlier=()
        if earlier_ms is None
        else tuple(model.predictor for model in models_at(found, plan.families, earlier_ms)),
    )


def known_by_end(dataset: Dataset) -> int:
    """Return the time by which a dataset's last label is settled: its last candle's open.

    Said like this, a later training that looks back to this time finds the same model again.
    """
    return dataset.until_ms - dataset.timeframe.ms


def manifest_of(dataset: Dataset, plan: Plan, scales: Scales, predictors: Sequence[Predictor] = ()) -> Manifest:
    """Return what a bundle of these scales and predictors says about itself, its files apart."""
    names = tuple(family.name for family in plan.families)
    return Manifest(
        exchange=dataset.exchange,
        symbols=dataset.symbols,
        timeframe=dataset.timeframe,
        horizon_bars=dataset.horizon_bars,
        horizons=dataset.all_horizons,
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
