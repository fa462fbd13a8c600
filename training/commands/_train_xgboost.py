"""What `train xgboost` does once its options are read: fit, explain, judge in time order, pack a bundle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from storage.config.tree import Config
from storage.terminal.output import emit
from strategies.errors import BadInput
from strategies.market import typed_symbol
from strategies.oversight.skill import information_coefficient
from training.commands._common import make_bundle, open_dataset, plan_of, seed_of
from training.commands.train_bundle import summary
from training.data.dataset import Dataset, Rows
from training.data.splits import EMBARGO_MS, chronological
from training.ensemble.families import XGBoostFamily
from training.families.xgboost import classification_run
from training.families.xgboost import trainer as xgboost
from training.families.xgboost.classifier import DEFAULTS, Task
from training.families.xgboost.importance import Importance
from training.families.xgboost.transfer import xgboost_source
from training.report.classification import text
from training.runtime.compute import threads_of
from training.runtime.progress import configuration, say, stage
from training.tuning.test_mode import newest_ms

if TYPE_CHECKING:
    from training.commands.train_xgboost import Options

TASKS: Final = ("return", "trend_classification", "pattern_classification")
TEST_MODE_TREES: Final = 40


def run(options: Options) -> None:
    """Train for the task that was asked for, and answer.

    Raises:
        BadInput: the task is unknown, an option does not belong to it, or the history is too short.
    """
    config = configuration()
    match options.task:
        case "return":
            _train_return(config, open_dataset(config, options), options)
        case "trend_classification" | "pattern_classification" as task:
            if options.source_model:
                raise BadInput(f"--source-model continues the task return; found task {task}")
            _train_classifier(config, open_dataset(config, options), options, task)
        case _:
            raise BadInput(f"task {options.task!r} is unknown; one of {', '.join(TASKS)} is needed")


def _changes(options: Options, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings that were asked for."""
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    return {"n_estimators": TEST_MODE_TREES} | given if options.test_mode else given


def _train_classifier(config: Config, dataset: Dataset, options: Options, task: Task) -> None:
    changes = _changes(options, ("n_estimators", "max_depth", "learning_rate"))
    finished = classification_run.run(
        dataset,
        classification_run.ClassificationRequest(
            task=task,
            settings=replace(DEFAULTS[task], **changes),
            horizon_bars=options.horizon_bars,
            held_out=judging(dataset, options.held_out),
            seed=seed_of(config, options.seed),
            threads=threads_of(config.training.threads),
            since_ms=newest_ms(dataset) if options.test_mode else None,
            models=config.paths.models,
            runs=config.paths.runs,
            chart=options.plot,
        ),
    )
    emit(finished.document() | {"record": str(finished.record)}, text(finished))


def judging(dataset: Dataset, held_out: str | None) -> str:
    """Return the market that only judges a classifier, "" where there is one market alone."""
    last = dataset.symbols[-1] if len(dataset.symbols) > 1 else ""
    chosen = typed_symbol(held_out) if held_out else last
    if chosen and (chosen not in dataset.symbols or len(dataset.symbols) < 2):
        raise BadInput(f"--held-out {chosen} must be one of several symbols; they are {', '.join(dataset.symbols)}")
    return chosen


def _train_return(config: Config, dataset: Dataset, options: Options) -> None:
    family = _family(config, dataset, options)
    report = _chronological(dataset, family, newest_ms(dataset) if options.test_mode else None)
    name = f"importance-return-{'-'.join(dataset.symbols)}-{dataset.timeframe.value}"
    chart = options.plot or report.importance.path_under(config.paths.runs, name)
    report.importance.draw(chart)
    say(f"importance chart: {chart}")
    document: dict[str, Any] = {"task": "return", **report.document, "plot": str(chart)}
    said = report.text
    if options.bundle and not options.test_mode:
        made = make_bundle(config, dataset, plan_of(config, [family], family.seed), "train xgboost")
        document, said = {**document, **made}, f"{said}\n{summary(made)}"
    emit(document, said)


def _family(config: Config, dataset: Dataset, options: Options) -> XGBoostFamily:
    """Return the family with the settings, the seed and the source model that were asked for."""
    source = xgboost_source(options.source_model, config.paths.models) if options.source_model else None
    if source is not None:
        source.require_same_forecast(dataset.horizon_bars, dataset.timeframe.value)
    changes = _changes(options, ("n_estimators", "max_depth", "learning_rate", "seeds"))
    return XGBoostFamily(
        settings=config.xgboost.model_copy(update=changes),
        seed=seed_of(config, options.seed),
        threads=threads_of(config.training.threads),
        source=source,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    ics: dict[str, float]
    importance: Importance
    rows: int

    @property
    def document(self) -> dict[str, Any]:
        found = self.importance
        return {"ic": self.ics, "train_rows": self.rows, "gain": found.gain, "permutation": found.lost}

    @property
    def text(self) -> str:
        head = "  ".join(f"{part} IC {ic:+.4f}" for part, ic in self.ics.items())
        return f"chronological 70/15/15, {self.rows:,} training rows: {head}\n{self.importance.table()}"


def _chronological(dataset: Dataset, family: XGBoostFamily, since_ms: int | None) -> _Report:
    """Fit on the first 70 % of time and report the IC of the three parts, purged at the borders."""
    first, second = chronological(since_ms or dataset.from_ms, dataset.until_ms)
    rounds = family.settings.seeds * family.settings.n_estimators
    with stage("boosting", rounds) as done:
        model = xgboost.fit(
            dataset,
            first - EMBARGO_MS,
            family.settings,
            seed=family.seed,
            threads=family.threads,
            source=family.source,
            progress=lambda so_far, _: done(so_far),
        )
    if family.source is not None and family.source.trained_until_ms > first - EMBARGO_MS:
        say("the source model has seen bars after the training part: this look starts from scratch")
    parts: dict[str, Rows] = {
        "train": dataset.known_by(first - EMBARGO_MS, every_bars=3),
        "valid": dataset.known_by(second, since_ms=first),
        "test": dataset.known_by(dataset.until_ms, since_ms=second),
    }
    predictor = model.predictor
    ics = {
        name: information_coefficient(predictor.score_rows(rows.features), rows.target) for name, rows in parts.items()
    }
    for name, ic in ics.items():
        say(f"{name}: IC {ic:+.4f} over {len(parts[name]):,} rows")
    names = dataset.features.names
    lost = xgboost.permutation(model, parts["valid"], names, np.random.default_rng(family.seed))
    importance = Importance(gain=xgboost.gain(model, names), lost=lost, measure="IC")
    return _Report(ics=ics, importance=importance, rows=model.rows)
