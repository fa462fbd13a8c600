"""One recorded run of `train xgboost --task trend_classification | pattern_classification`.

Learns from the first 70 % of time, stops by the next 15 %, is judged on the last 15 %: on the markets it learnt from,
and on one that it never saw. Labels are settled an embargo before the border that follows them.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from storage.models.artefacts import save_artefact
from training.data.dataset import Dataset
from training.data.splits import EMBARGO_MS, chronological
from training.families.xgboost.classification_rows import classes_of, columns_of, invented_rows, pooled, rows_of
from training.families.xgboost.classification_scores import Recognition, Uplift, class_scores, recognition, uplifts
from training.families.xgboost.classifier import (
    Classifier,
    ClassifierSettings,
    LabelledRows,
    Lesson,
    RoundReport,
    Task,
    fit,
    gain,
)
from training.families.xgboost.importance import CHART_ROWS, Importance, shuffled_losses
from training.runtime import records
from training.runtime.artefact_facts import facts_of_run
from training.runtime.curves import Curves
from training.runtime.progress import say, stage

EVERY_ROUNDS: Final = 25  # between two lines
SHUFFLED_ROWS: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassificationRequest:
    """What a run was asked for.

    Attributes:
        horizon_bars: of the trend to come.
        held_out: a market of the dataset that teaches nothing; "" for none.
        since_ms: leave out what opened before; None: everything.
        chart: where the importance chart goes; None: under `runs`, named by its content.
    """

    task: Task
    settings: ClassifierSettings
    horizon_bars: int
    held_out: str
    seed: int
    threads: int
    since_ms: int | None
    models: Path
    runs: Path
    chart: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSplit:
    """Rows that teach, that stop and that judge: later bars of the same markets, later bars of the one held out."""

    train: LabelledRows
    valid: LabelledRows
    later: LabelledRows
    elsewhere: LabelledRows
    trained_until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a run came to and where it was written."""

    task: Task
    model: Classifier
    later: Recognition
    elsewhere: Recognition | None
    held_out: str
    uplifts: tuple[Uplift, ...]
    importance: Importance
    folder: Path
    record: Path
    chart: Path

    def document(self) -> dict[str, Any]:
        """Return the result for programs."""
        return {
            "task": self.task,
            "rounds": self.model.rounds,
            "later": asdict(self.later),
            "held_out_symbol": self.held_out or None,
            "elsewhere": asdict(self.elsewhere) if self.elsewhere else None,
            "uplift": [asdict(part) for part in self.uplifts],
            "gain": self.importance.gain,
            "permutation": self.importance.lost,
            "folder": str(self.folder),
            "record": str(self.record),
            "plot": str(self.chart),
        }


def run(dataset: Dataset, request: ClassificationRequest) -> Finished:
    """Train, judge, explain, save and record.

    Raises:
        BadInput: too few rows, or only one class.
        StorageFailed: a folder cannot be written.
    """
    began = time.perf_counter()
    rows = rows_of(request.task, dataset, request.horizon_bars)
    parts = parts_of(rows, dataset, request)
    classes, columns = classes_of(request.task), columns_of(request.task, dataset)
    say(f"{request.task}: {len(parts.train):,} rows to learn from, {len(columns)} features, {len(classes)} classes")
    rng = np.random.default_rng(request.seed)
    lesson = Lesson(
        task=request.task,
        classes=classes,
        features=columns,
        train=with_invented(parts, dataset, request, rng),
        valid=parts.valid,
        trained_until_ms=parts.trained_until_ms,
    )
    name = _name(dataset, request)
    model = _fitted(lesson, dataset, request, name)
    finished = _judged(model, rows, parts, dataset, request, name, rng)
    record = _record(dataset, request, time.perf_counter() - began, finished.document())
    return replace(finished, record=records.write(record, request.runs))


def _name(dataset: Dataset, request: ClassificationRequest) -> str:
    ended = datetime.fromtimestamp(dataset.until_ms / 1000, UTC)
    test = "" if request.since_ms is None else "_test"
    return f"{request.task}_{'-'.join(dataset.symbols)}_{dataset.timeframe.value}_{ended:%Y%m%dT%H%M}{test}"


def _fitted(lesson: Lesson, dataset: Dataset, request: ClassificationRequest, name: str) -> Classifier:
    """Boost, and say and draw how it goes."""
    run_id = _record(dataset, request, 0.0, {}).id
    with (
        Curves(request.runs / "tensorboard" / f"{name}_{run_id}", dataset.until_ms / 1000) as curves,
        stage("boosting", request.settings.n_estimators, plainly=False) as done,
    ):

        def on_round(report: RoundReport) -> None:
            curves.add(report.round, {"loss/train": report.train, "loss/valid": report.valid})
            done(report.round)
            if report.round % EVERY_ROUNDS == 0 or report.round == 1:
                losses = f"train loss {report.train:.4f} | valid loss {report.valid:.4f}"
                say(f"round {report.round}/{report.rounds} | {losses}")

        return fit(lesson, request.settings, seed=request.seed, threads=request.threads, on_round=on_round)


def _judged(
    model: Classifier,
    rows: LabelledRows,
    parts: LabelledSplit,
    dataset: Dataset,
    request: ClassificationRequest,
    name: str,
    rng: np.random.Generator,
) -> Finished:
    """Judge on what was not seen, explain, and save; the record is written last, with all of it."""
    classes = model.classes
    later = recognition(parts.later.labels, model.predict(parts.later.features), classes, rng)
    elsewhere = None
    if len(parts.elsewhere):
        elsewhere = recognition(parts.elsewhere.labels, model.predict(parts.elsewhere.features), classes, rng)
    importance = explain(model, parts.valid, rng)
    title = f"importance-{request.task}-{'-'.join(dataset.symbols)}-{dataset.timeframe.value}"
    chart = request.chart or importance.path_under(request.runs, title)
    importance.draw(chart)
    facts = facts_of_run(dataset, request.since_ms) | {"task": request.task, "horizon_bars": request.horizon_bars}
    return Finished(
        task=request.task,
        model=model,
        later=later,
        elsewhere=elsewhere,
        held_out=request.held_out,
        uplifts=tuple(_uplifts(request.task, rows, parts, model, classes, rng)),
        importance=importance,
        folder=save_artefact(request.models, "xgboost", name, model.files, facts).folder,
        record=Path(),
        chart=chart,
    )


def parts_of(rows: LabelledRows, dataset: Dataset, request: ClassificationRequest) -> LabelledSplit:
    """Split rows in time order, the held-out market aside."""
    from_ms = dataset.from_ms if request.since_ms is None else request.since_ms
    valid_from_ms, test_from_ms = chronological(from_ms, dataset.until_ms)
    own = np.ones(len(rows), bool)
    if request.held_out:
        own = rows.symbols != dataset.symbols.index(request.held_out)

    def between(start_ms: int, end_ms: int) -> np.ndarray:
        return (rows.open_ms >= start_ms) & (rows.label_end_ms <= end_ms)

    judged = between(test_from_ms, dataset.until_ms)
    return LabelledSplit(
        train=rows.where(own & between(from_ms, valid_from_ms - EMBARGO_MS)),
        valid=rows.where(own & between(valid_from_ms, test_from_ms - EMBARGO_MS)),
        later=rows.where(own & judged),
        elsewhere=rows.where(~own & judged),
        trained_until_ms=test_from_ms - EMBARGO_MS,
    )


def with_invented(
    parts: LabelledSplit, dataset: Dataset, request: ClassificationRequest, rng: np.random.Generator
) -> LabelledRows:
    """Return the training rows and those of charts invented from their candles (patterns only)."""
    if request.task != "pattern_classification" or not request.settings.invented:
        return parts.train
    first_ms, last_ms = int(parts.train.open_ms.min()), int(parts.train.label_end_ms.max())
    symbols = [symbol for symbol in dataset.symbols if symbol != request.held_out]
    more = invented_rows(dataset, symbols, first_ms, last_ms, request.settings.invented, rng)
    if more is None:
        return parts.train
    say(f"and {len(more):,} rows of charts invented from their candles: upside down and shuffled")
    return pooled([parts.train, more])


def explain(model: Classifier, rows: LabelledRows, rng: np.random.Generator) -> Importance:
    """Return gain, and macro-F1 lost by shuffling the columns with the most gain, on at most so many rows."""
    gains = gain(model)
    some = rows.where(np.sort(rng.permutation(len(rows))[:SHUFFLED_ROWS]))

    def macro_f1(features: np.ndarray) -> float:
        scores = class_scores(some.labels, model.predict(features), model.classes)
        return float(np.mean([score.f1 for score in scores]))

    lost = shuffled_losses(macro_f1, some.features, model.features, list(gains)[:CHART_ROWS], rng)
    return Importance(gain=gains, lost=lost, measure="macro-F1")


def _uplifts(
    task: Task,
    rows: LabelledRows,
    parts: LabelledSplit,
    model: Classifier,
    classes: tuple[str, ...],
    rng: np.random.Generator,
) -> list[Uplift]:
    """Return what followed: every pattern there was (the rules were fixed before), or the trends foretold unseen."""
    if task == "pattern_classification":
        return uplifts(rows.labels, rows.side, rows.forward, rows.open_ms, classes, rng)
    judged = [parts.later, parts.elsewhere]
    features, forward, open_ms = (
        np.concatenate([getattr(part, name) for part in judged]) for name in ("features", "forward", "open_ms")
    )
    side = (model.predict(features) - 1).astype(np.int8)
    names = ("none", "foretold up", "foretold down")
    return uplifts(np.where(side > 0, 1, np.where(side < 0, 2, 0)), side, forward, open_ms, names, rng)


def _record(
    dataset: Dataset, request: ClassificationRequest, duration_s: float, result: dict[str, Any]
) -> records.RunRecord:
    return records.RunRecord(
        kind=f"train xgboost {request.task}",
        config={
            "settings": asdict(request.settings),
            "symbols": list(dataset.symbols),
            "held_out": request.held_out,
            "timeframe": dataset.timeframe.value,
            "exchange": dataset.exchange,
            "features": dataset.features.fingerprint,
            "horizon_bars": request.horizon_bars,
            "since_ms": request.since_ms,
        },
        data_hash=dataset.data_hash,
        seed=request.seed,
        device=f"cpu, {request.threads} threads",
        duration_s=duration_s,
        until_ms=dataset.until_ms,
        result=result,
    )
