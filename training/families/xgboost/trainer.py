"""The XGBoost trainer: squared error of the scaled return, on all history, with its mirror image, for each horizon.

Reads top to bottom: rows, mirror, boosting, bytes. What matters was measured (docs/architecture.md): regress the
return instead of classifying its sign, use every year there is, and show the model each market upside down too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from storage.config.models import XGBoostSettings
from strategies.errors import BadInput
from strategies.market import DAY_MS
from strategies.predictors.xgboost import (
    FILE_PREFIX,
    FILE_SUFFIX,
    HORIZONS_FILE,
    XGBoostPredictor,
    import_xgboost,
)
from training.data.dataset import Dataset, Rows
from training.families.xgboost.transfer import XGBoostSource

MIN_ROWS: Final = 300
SCALE_ROWS: Final = 20_000  # rows that a horizon's scores are scaled by

RoundProgress = Callable[[int, int], None]  # rounds done, rounds in all


@dataclass(frozen=True, slots=True, kw_only=True)
class XGBoostModel:
    """Boosters as bytes, one per seed of each horizon, and what they were fitted on.

    Attributes:
        boosters: UBJSON, horizon after horizon.
        directional: (F,) bool.
        rows: labelled rows, without their mirror images.
        horizons: bars ahead.
        deviations: of each horizon's scores on rows that taught it: they make the horizons weigh alike.
    """

    boosters: tuple[bytes, ...]
    directional: np.ndarray
    rows: int
    horizons: tuple[int, ...] = (1,)
    deviations: tuple[float, ...] = (1.0,)

    @property
    def predictor(self) -> XGBoostPredictor:
        return XGBoostPredictor(self.boosters, self.directional, self.deviations)

    @property
    def files(self) -> dict[str, bytes]:
        """The files of a bundle."""
        if len(self.horizons) == 1:
            return {f"{FILE_PREFIX}{seed}{FILE_SUFFIX}": raw for seed, raw in enumerate(self.boosters)}
        seeds = len(self.boosters) // len(self.horizons)
        files = {
            f"{FILE_PREFIX}h{self.horizons[index // seeds]:03d}-{index % seeds:02d}{FILE_SUFFIX}": raw
            for index, raw in enumerate(self.boosters)
        }
        scales = {"horizons": self.horizons, "deviations": self.deviations}
        return {**files, HORIZONS_FILE: json.dumps(scales).encode()}


def fit(
    dataset: Dataset,
    known_by_ms: int,
    settings: XGBoostSettings,
    *,
    seed: int = 0,
    threads: int = 1,
    source: XGBoostSource | None = None,
    progress: RoundProgress | None = None,
) -> XGBoostModel:
    """Fit on every label settled by a time.

    Args:
        dataset: features and targets.
        known_by_ms: labels settled later are unknown; subtract the embargo before.
        settings: the recipe.
        seed: of the first booster; the others follow it.
        threads: of xgboost; the bits of a model depend on it.
        source: trees to continue from (transfer), left aside where they have seen more than is known by then.
        progress: told about every round.

    Raises:
        BadInput: under `MIN_ROWS` rows, or the source reads other features.
    """
    earlier = source.usable(dataset.features.fingerprint, known_by_ms) if source else ()
    directional, every_bars = dataset.features.directional, dataset.step_of(settings.every_bars)
    xgboost = import_xgboost()
    boosters: list[bytes] = []
    scales: list[float] = []
    seen: list[int] = []
    for number, horizon in enumerate(dataset.all_horizons):
        matrices: dict[int, Any] = {}
        for index in range(settings.seeds):
            phase = (number + index) % every_bars
            if phase not in matrices:
                rows = dataset.known_by(known_by_ms, every_bars=every_bars, phase=phase, horizon_bars=horizon)
                if len(rows) < MIN_ROWS:
                    raise BadInput(f"xgboost: found {len(rows)} labelled rows before the border, needed {MIN_ROWS}")
                matrices[phase] = training_matrix(rows, directional, settings, known_by_ms, threads)
                seen += [len(rows)] if not number else []
            fitted = number * settings.seeds + index
            callbacks = [_reporter(xgboost, progress, fitted, settings, dataset.all_horizons)] if progress else None
            booster = xgboost.train(
                parameters(settings, seed + fitted, threads),
                matrices[phase],
                settings.n_estimators,
                xgb_model=bytearray(earlier[fitted % len(earlier)]) if earlier else None,
                callbacks=callbacks,
            )
            boosters.append(bytes(booster.save_raw("ubj")))
        if len(dataset.all_horizons) > 1:
            scales.append(_deviation(boosters[-settings.seeds :], directional, rows))
    return XGBoostModel(
        boosters=tuple(boosters),
        directional=directional,
        rows=sum(seen),
        horizons=dataset.all_horizons,
        deviations=tuple(scales) or (1.0,),
    )


def _deviation(boosters: Sequence[bytes], directional: np.ndarray, rows: Rows) -> float:
    """Return the deviation of a horizon's scores on (a part of) the rows that taught it."""
    part = rows.features[:: max(1, len(rows) // SCALE_ROWS)]
    return max(float(XGBoostPredictor(boosters, directional).score_rows(part).std()), 1e-9)


def parameters(settings: XGBoostSettings, seed: int, threads: int) -> dict[str, Any]:
    """Return xgboost's own parameters."""
    return {
        "objective": "reg:squarederror",
        "tree_method": "hist",
        "base_score": 0.0,
        "max_depth": settings.max_depth,
        "learning_rate": settings.learning_rate,
        "subsample": settings.subsample,
        "colsample_bytree": settings.colsample_bytree,
        "min_child_weight": settings.min_child_weight,
        "reg_lambda": settings.reg_lambda,
        "max_bin": settings.max_bin,
        "nthread": threads,
        "seed": seed,
        "verbosity": 0,
    }


def training_matrix(
    rows: Rows, directional: np.ndarray, settings: XGBoostSettings, known_by_ms: int, threads: int
) -> Any:
    """Return the DMatrix of the rows and, if asked for, their mirror images at half weight each.

    A plain DMatrix: at this size twice as fast to build and train as a QuantileDMatrix.
    """
    features, target = rows.features, rows.target.astype(np.float32)
    weight = rows.weight * age_weights(rows.open_ms, known_by_ms, settings.decay_half_life_d)
    if settings.mirror:
        signs = np.where(directional, -1.0, 1.0).astype(np.float32)
        features = np.concatenate([features, features * signs])
        target = np.concatenate([target, -target])
        weight = np.concatenate([weight, weight]) * np.float32(0.5)
    xgboost = import_xgboost()
    return xgboost.DMatrix(features, label=target, weight=weight, nthread=threads)


def age_weights(open_ms: np.ndarray, now_ms: int, half_life_d: float) -> np.ndarray:
    """Return (n,) float32 weights with mean 1 that halve every `half_life_d` days of age; 0: all equal."""
    if half_life_d <= 0:
        return np.ones(len(open_ms), np.float32)
    weight = 0.5 ** ((now_ms - open_ms) / DAY_MS / half_life_d)
    found: np.ndarray = (weight / weight.mean()).astype(np.float32)
    return found


def gain(model: XGBoostModel, names: tuple[str, ...]) -> dict[str, float]:
    """Return each feature's share of the total gain of all splits, largest first."""
    xgboost = import_xgboost()
    totals = dict.fromkeys(names, 0.0)
    for raw in model.boosters:
        booster = xgboost.Booster(model_file=bytearray(raw))
        for key, value in booster.get_score(importance_type="total_gain").items():
            totals[names[int(key[1:])]] += float(value)
    whole = sum(totals.values()) or 1.0
    return {name: totals[name] / whole for name in sorted(names, key=lambda name: -totals[name])}


def permutation(model: XGBoostModel, rows: Rows, names: tuple[str, ...], rng: np.random.Generator) -> dict[str, float]:
    """Return how much the correlation with the target falls when a column is shuffled, largest first."""
    predictor = model.predictor
    base = _correlation(predictor.score_rows(rows.features), rows.target)
    falls = {}
    for index, name in enumerate(names):
        shuffled = rows.features.copy()
        shuffled[:, index] = rng.permutation(shuffled[:, index])
        falls[name] = base - _correlation(predictor.score_rows(shuffled), rows.target)
    return {name: falls[name] for name in sorted(names, key=lambda name: -falls[name])}


def _correlation(scores: np.ndarray, target: np.ndarray) -> float:
    return float(np.corrcoef(scores, target)[0, 1]) if scores.std() > 0 else 0.0


def _reporter(
    xgboost: Any, progress: RoundProgress, index: int, settings: XGBoostSettings, horizons: Sequence[int]
) -> Any:
    class Reporter(xgboost.callback.TrainingCallback):  # type: ignore[misc]
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            whole = len(horizons) * settings.seeds * settings.n_estimators
            progress(index * settings.n_estimators + epoch + 1, whole)
            return False

    return Reporter()
