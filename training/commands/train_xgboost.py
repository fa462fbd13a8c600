"""`train xgboost`: boosted trees that regress the return (and vote), or recognise trends or chart patterns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import typer

from storage.terminal.output import emit
from strategies.errors import BadInput
from training.runtime.progress import configuration

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
    from training.commands._train_xgboost import judging, train_return
    from training.families.xgboost.classification_run import Request, run
    from training.families.xgboost.classifier import DEFAULTS
    from training.report.classification import text
    from training.runtime.compute import threads_of
    from training.tuning.test_mode import newest_ms

    if task not in TASKS:
        raise BadInput(f"task {task!r} is unknown; one of {', '.join(TASKS)} is needed")
    config = configuration()
    chosen_seed = config.training.seed if seed < 0 else seed
    asked = {"n_estimators": n_estimators, "max_depth": max_depth, "learning_rate": learning_rate}
    changes: dict[str, Any] = {name: value for name, value in asked.items() if value}
    if test_mode:
        changes = {"n_estimators": TEST_MODE_TREES} | changes
    dataset = open_dataset(config, symbols, timeframe, exchange, until)
    since_ms = newest_ms(dataset) if test_mode else None
    match task:
        case "return":
            if seeds:
                changes["seeds"] = seeds
            bundle = bundle and not test_mode
            train_return(config, dataset, changes, chosen_seed, source_model, plot, since_ms, bundle)
        case "trend_classification" | "pattern_classification":
            if source_model:
                raise BadInput(f"--source-model continues the task return; found task {task}")
            finished = run(
                dataset,
                Request(
                    task=task,
                    settings=replace(DEFAULTS[task], **changes),
                    horizon_bars=horizon_bars,
                    held_out=judging(dataset, held_out.upper()),
                    seed=chosen_seed,
                    threads=threads_of(config.training.threads),
                    since_ms=since_ms,
                    models=config.paths.models,
                    runs=config.paths.runs,
                    chart=plot,
                ),
            )
            emit(finished.document() | {"record": str(finished.record)}, text(finished))
        case _:
            raise BadInput(f"task {task!r} is unknown; one of {', '.join(TASKS)} is needed")
