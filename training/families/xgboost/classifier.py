"""The XGBoost classifier of trends and chart patterns: for people and for reports, never a voter.

Reads top to bottom: rows of one task, boosting with early stopping, probabilities. Trading a class lost money where
trading the regressed return earned it; these models tell how well a shape or a trend can be recognised.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

import numpy as np

from strategies.errors import BadInput, BundleRefused
from strategies.predictors.xgboost import import_xgboost

Task = Literal["trend_classification", "pattern_classification"]
MODEL_FILE: Final = "classifier.ubj"
ABOUT_FILE: Final = "classifier.json"
MIN_ROWS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledRows:
    """Rows of one market or several, in market order, then time.

    Attributes:
        features: (n, F) float32.
        labels: (n,) int8, class index.
        symbols: (n,) index of the market.
        open_ms, label_end_ms: (n,) int64.
        forward: (n,) float64 volatility-scaled forward return; NaN where not known.
        side: (n,) int8, which way a pattern points; 0: none.
    """

    features: np.ndarray
    labels: np.ndarray
    symbols: np.ndarray
    open_ms: np.ndarray
    label_end_ms: np.ndarray
    forward: np.ndarray
    side: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, mask: np.ndarray) -> LabelledRows:
        """Return the rows chosen."""
        return LabelledRows(
            features=self.features[mask],
            labels=self.labels[mask],
            symbols=self.symbols[mask],
            open_ms=self.open_ms[mask],
            label_end_ms=self.label_end_ms[mask],
            forward=self.forward[mask],
            side=self.side[mask],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierSettings:
    """How the trees grow; the defaults of each task are in `DEFAULTS`.

    `every_common`: of the most frequent class every n-th row is used, at n times the weight. `balanced`: every class
    weighs the same in sum, so that the rarer ones are named at all.
    `invented`: charts made up from each training chart.
    """

    n_estimators: int
    max_depth: int
    learning_rate: float
    min_child_weight: float
    subsample: float = 0.8
    colsample_bytree: float = 0.8
    reg_lambda: float = 1.0
    max_bin: int = 64
    patience: int = 20
    every_common: int = 1
    balanced: bool = False
    invented: int = 0


DEFAULTS: Final[dict[Task, ClassifierSettings]] = {
    "trend_classification": ClassifierSettings(
        n_estimators=300,
        max_depth=3,
        learning_rate=0.05,
        min_child_weight=150.0,
        subsample=0.5,
        colsample_bytree=0.5,
        balanced=True,
    ),
    "pattern_classification": ClassifierSettings(
        n_estimators=300,
        max_depth=7,
        learning_rate=0.15,
        min_child_weight=1.0,
        every_common=12,
        invented=3,
        max_bin=256,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundReport:
    """One round of boosting: multiclass log loss where it learns and where it is stopped."""

    round: int
    rounds: int
    train: float
    valid: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """A booster as UBJSON bytes, its classes and its columns.

    Attributes:
        raw: UBJSON, with the rounds found by early stopping.
        rounds: how many those are.
    """

    task: Task
    raw: bytes
    classes: tuple[str, ...]
    features: tuple[str, ...]
    rounds: int
    trained_until_ms: int = 0
    reports: tuple[RoundReport, ...] = field(default=(), compare=False)

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return (n, classes) float32 for (n, F) float32 rows."""
        xgboost = import_xgboost()
        booster = xgboost.Booster(model_file=bytearray(self.raw))
        return np.asarray(booster.predict(xgboost.DMatrix(features)))

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return the (n,) most probable classes."""
        found: np.ndarray = self.probabilities(features).argmax(axis=1).astype(np.int8)
        return found

    @property
    def files(self) -> dict[str, bytes]:
        """The files of a stored model."""
        about = {name: value for name, value in asdict(self).items() if name not in ("raw", "reports")}
        return {MODEL_FILE: self.raw, ABOUT_FILE: json.dumps(about, indent=1).encode()}


def read_classifier(files: dict[str, bytes]) -> Classifier:
    """Return the model of stored files.

    Raises:
        BundleRefused: they are damaged.
    """
    try:
        about = json.load(io.BytesIO(files[ABOUT_FILE]))
        about |= {"classes": tuple(about["classes"]), "features": tuple(about["features"])}
        return Classifier(raw=files[MODEL_FILE], **about)
    except (KeyError, ValueError, TypeError) as error:
        raise BundleRefused(f"{ABOUT_FILE} cannot be read: {error!r}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What a classifier learns: the question, its answers and the rows that show them.

    Attributes:
        task: the question.
        classes: its answers, in the order of the labels.
        features: names of the columns.
        train, valid: earlier and later rows.
        trained_until_ms: by when all their labels were known, for the record.
    """

    task: Task
    classes: tuple[str, ...]
    features: tuple[str, ...]
    train: LabelledRows
    valid: LabelledRows
    trained_until_ms: int = 0


def fit(
    lesson: Lesson,
    settings: ClassifierSettings,
    *,
    seed: int,
    threads: int,
    on_round: Callable[[RoundReport], None] = lambda report: None,
) -> Classifier:
    """Boost until the validation loss has not improved for `settings.patience` rounds.

    Raises:
        BadInput: too few rows, or only one class.
    """
    task, train, valid, classes = lesson.task, lesson.train, lesson.valid, lesson.classes
    for name, rows in (("training", train), ("validation", valid)):
        if len(rows) < MIN_ROWS:
            raise BadInput(f"{task}: found {len(rows)} {name} rows, needed {MIN_ROWS}; a longer history is needed")
    if len(np.unique(train.labels)) < 2:
        raise BadInput(f"{task}: the training rows hold one class only; a longer history is needed")
    xgboost = import_xgboost()
    chosen, weight = thinned(train.labels, settings.every_common)
    shares = class_weights(train.labels, len(classes)) if settings.balanced else np.ones(len(classes), np.float32)
    weight = weight * shares[train.labels[chosen]]
    matrices = {
        "train": xgboost.DMatrix(train.features[chosen], label=train.labels[chosen], weight=weight, nthread=threads),
        "valid": xgboost.DMatrix(valid.features, label=valid.labels, weight=shares[valid.labels], nthread=threads),
    }
    reports: list[RoundReport] = []
    booster = xgboost.train(
        _parameters(settings, len(classes), seed, threads),
        matrices["train"],
        settings.n_estimators,
        evals=[(matrix, name) for name, matrix in matrices.items()],
        early_stopping_rounds=settings.patience,
        callbacks=[_reporter(xgboost, settings.n_estimators, reports, on_round)],
        verbose_eval=False,
    )
    rounds = int(booster.best_iteration) + 1
    return Classifier(
        task=task,
        raw=bytes(booster[:rounds].save_raw("ubj")),
        classes=classes,
        features=lesson.features,
        rounds=rounds,
        trained_until_ms=lesson.trained_until_ms,
        reports=tuple(reports),
    )


def thinned(labels: np.ndarray, every: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows to learn from, and their weights: of the most frequent class each n-th, weighing n."""
    common = labels == np.bincount(labels).argmax()
    keep = ~common
    keep[np.flatnonzero(common)[::every]] = True
    chosen = np.flatnonzero(keep)
    return chosen, np.where(common[chosen], float(every), 1.0).astype(np.float32)


def class_weights(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return a float32 weight for each class, with mean 1 over the rows."""
    counts = np.bincount(labels, minlength=classes)
    return (len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))).astype(np.float32)


def gain(model: Classifier) -> dict[str, float]:
    """Return each column's share of the total gain of all splits, largest first."""
    booster = import_xgboost().Booster(model_file=bytearray(model.raw))
    found = {key: float(value) for key, value in booster.get_score(importance_type="total_gain").items()}
    whole = sum(found.values()) or 1.0
    shares = {name: found.get(f"f{index}", 0.0) / whole for index, name in enumerate(model.features)}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def _parameters(settings: ClassifierSettings, classes: int, seed: int, threads: int) -> dict[str, Any]:
    return {
        "objective": "multi:softprob",
        "num_class": classes,
        "tree_method": "hist",
        "max_depth": settings.max_depth,
        "learning_rate": settings.learning_rate,
        "min_child_weight": settings.min_child_weight,
        "subsample": settings.subsample,
        "colsample_bytree": settings.colsample_bytree,
        "reg_lambda": settings.reg_lambda,
        "max_bin": settings.max_bin,
        "nthread": threads,
        "seed": seed,
        "verbosity": 0,
    }


def _reporter(xgboost: Any, rounds: int, reports: list[RoundReport], on_round: Callable[[RoundReport], None]) -> Any:
    class Reporter(xgboost.callback.TrainingCallback):  # type: ignore[misc]
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            losses = {name: float(evals_log[name]["mlogloss"][-1]) for name in ("train", "valid")}
            reports.append(RoundReport(round=epoch + 1, rounds=rounds, **losses))
            on_round(reports[-1])
            return False

    return Reporter()
