"""`train xgboost`: boosted trees that regress the return (and vote), or recognise trends or chart patterns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from strategies.errors import BadInput
from training.runtime.progress import answer, configuration, say

if TYPE_CHECKING:
    from storage.config.tree import Config
    from training.data.dataset import Dataset
    from training.ensemble.families import XGBoostFamily
    from training.families.xgboost.classifier import Task
    from training.families.xgboost.importance import Importance

TASKS: Final = ("return", "trend_classification", "pattern_classification")
TEST_MODE_TREES: Final = 40


def command(
    symbols: str = typer.Option(
        "",
        "--symbol",
        "--symbols",
        "--target-symbol",
        help="Comma separated, pooled; empty: exchange.symbols of the configuration.",
    ),
    timeframe: str = typer.Option(
        "",
        "--timeframe",
        "--timeframes",
        help="Decision timeframe, such as 1h; with 1h,4h,1d coarser candles are seen too.",
    ),
    exchange: str = typer.Option("", help="Whose candles; empty: exchange.name of the configuration."),
    until: str = typer.Option("", help="Use only candles closed by this UTC day or time; empty: all stored."),
    task: str = typer.Option(
        "return", help="return (the one that trades), trend_classification, pattern_classification."
    ),
    n_estimators: int = typer.Option(0, min=0, help="Trees a seed; 0: as configured."),
    max_depth: int = typer.Option(0, min=0, help="Of a tree; 0: as configured."),
    learning_rate: float = typer.Option(0.0, min=0.0, help="0: as configured."),
    seeds: int = typer.Option(0, min=0, help="Models averaged (task return); 0: xgboost.seeds."),
    seed: int = typer.Option(-1, help="Of everything random; -1: training.seed."),
    horizon_bars: int = typer.Option(24, min=2, max=720, help="Bars of the trend to come (trend_classification)."),
    held_out: str = typer.Option(
        "", help="Market that only judges a classifier; empty: the last of several, none of one."
    ),
    source_model: str = typer.Option("", help="Bundle (folder or id) whose trees are boosted further: transfer."),
    plot: Path | None = typer.Option(None, help="Where the importance chart goes; empty: under runs/."),
    bundle: bool = typer.Option(True, help="Task return: also walk forward, calibrate and pack a bundle."),
    test_mode: bool = typer.Option(False, help="A few thousand bars, few trees, no bundle."),
) -> None:
    """Train boosted trees; print what they are worth on later bars, and which features they lean on.

    Example: sigma train xgboost --task pattern_classification --symbols BTCUSDT,ETHUSDT --n-estimators 500
    """
    from training.commands._common import open_dataset
    from training.tuning.test_mode import newest_ms

    if task not in TASKS:
        raise BadInput(f"task {task!r} is unknown; one of {', '.join(TASKS)} is needed")
    config = configuration()
    chosen_seed = config.training.seed if seed < 0 else seed
    asked = {"n_estimators": n_estimators, "max_depth": max_depth, "learning_rate": learning_rate}
    changes = {name: value for name, value in asked.items() if value}
    if test_mode:
        changes = {"n_estimators": TEST_MODE_TREES} | changes
    dataset = open_dataset(config, symbols, timeframe, exchange, until)
    since_ms = newest_ms(dataset) if test_mode else None
    match task:
        case "return":
            if seeds:
                changes["seeds"] = seeds
            bundle = bundle and not test_mode
            _return(config, dataset, changes, chosen_seed, source_model, plot, since_ms, bundle)
        case "trend_classification" | "pattern_classification":
            if source_model:
                raise BadInput(f"--source-model continues the task return; found task {task}")
            _classify(config, dataset, task, changes, chosen_seed, horizon_bars, held_out.upper(), plot, since_ms)
        case _:
            raise BadInput(f"task {task!r} is unknown; one of {', '.join(TASKS)} is needed")


def _classify(
    config: Config,
    dataset: Dataset,
    task: Task,
    changes: dict[str, Any],
    seed: int,
    horizon_bars: int,
    held_out: str,
    chart: Path | None,
    since_ms: int | None,
) -> None:
    from training.families.xgboost.classification_run import Request, run
    from training.families.xgboost.classifier import DEFAULTS
    from training.report.classification import text
    from training.runtime.compute import threads_of

    last = dataset.symbols[-1] if len(dataset.symbols) > 1 else ""
    chosen = held_out or last
    if chosen and (chosen not in dataset.symbols or len(dataset.symbols) < 2):
        raise BadInput(f"--held-out {chosen} must be one of several symbols; they are {', '.join(dataset.symbols)}")
    request = Request(
        task=task,
        settings=replace(DEFAULTS[task], **changes),
        horizon_bars=horizon_bars,
        held_out=chosen,
        seed=seed,
        threads=threads_of(config.training.threads),
        since_ms=since_ms,
        models=config.paths.models,
        runs=config.paths.runs,
        chart=chart,
    )
    finished = run(dataset, request)
    answer(finished.document() | {"record": str(finished.record)}, text(finished))


def _return(
    config: Config,
    dataset: Dataset,
    changes: dict[str, Any],
    seed: int,
    source_model: str,
    chart: Path | None,
    since_ms: int | None,
    bundle: bool,
) -> None:
    from training.commands._common import make_bundle
    from training.commands.train_bundle import summary
    from training.ensemble.families import XGBoostFamily
    from training.families.xgboost.transfer import xgboost_source
    from training.runtime.compute import threads_of

    source = xgboost_source(source_model, config.paths.models) if source_model else None
    if source is not None:
        source.require_same_forecast(dataset.horizon_bars, dataset.timeframe.value)
    family = XGBoostFamily(
        settings=config.xgboost.model_copy(update=changes),
        seed=seed,
        threads=threads_of(config.training.threads),
        source=source,
    )
    report = _chronological(dataset, family, since_ms)
    name = f"importance-return-{'-'.join(dataset.symbols)}-{dataset.timeframe.value}"
    chart = chart or report.importance.path_under(config.paths.runs, name)
    report.importance.draw(chart)
    say(f"importance chart: {chart}")
    document: dict[str, Any] = {"task": "return", **report.document, "plot": str(chart)}
    text = report.text
    if bundle:
        made = make_bundle(config, dataset, [family], seed, "train xgboost", years=4.0, months=6)
        document, text = {**document, **made}, f"{text}\n{summary(made)}"
    answer(document, text)


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
    import numpy as np

    from strategies.oversight.skill import information_coefficient
    from training.data.dataset import Rows
    from training.data.splits import EMBARGO_MS, chronological
    from training.families.xgboost import trainer as xgboost
    from training.families.xgboost.importance import Importance
    from training.runtime.progress import stage

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
