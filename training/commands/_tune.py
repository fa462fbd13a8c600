"""What the `tune` commands share: their options, a line a trial, the best settings as a piece of config.toml."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from storage.terminal.output import emit
from training.runtime.progress import configuration, stage

if TYPE_CHECKING:
    pass


def tuning(family: str, summary: str) -> Callable[..., None]:
    """Return the typer command that tunes a family."""

    def command(
        symbols: str = typer.Option("", "--symbol", "--symbols", help="Comma separated, pooled; empty: as configured."),
        timeframe: str = typer.Option(
            "", "--timeframe", "--timeframes", help="Decision timeframe; with 1h,4h,1d coarser candles are seen too."
        ),
        exchange: str = typer.Option("", help="Whose candles; empty: exchange.name of the configuration."),
        until: str = typer.Option("", help="Use only candles closed by this UTC day or time; empty: all stored."),
        trials: int = typer.Option(50, min=1, help="Trials in all, those of an interrupted study included."),
        resume: bool = typer.Option(False, help="Go on with the study of the same data, settings and seed."),
        workers: int = typer.Option(1, min=0, help="Processes that try in parallel; 0: one per core."),
        years: float = typer.Option(3.0, min=0.2, help="At most so many recent years score a trial, out of fold."),
        seed: int = typer.Option(-1, help="Of proposals and models; -1: training.seed."),
        test_mode: bool = typer.Option(False, help="A few thousand bars, tiny models: to try the command."),
    ) -> None:
        from training.commands._common import open_dataset
        from training.commands._tuned import Narrator, document_of, record_of, text_of
        from training.tuning.study_trials import Request
        from training.tuning.test_mode import newest
        from training.tuning.tune import tune

        config = configuration()
        dataset = open_dataset(config, symbols, timeframe, exchange, until)
        if test_mode:
            dataset = newest(dataset)
        request = Request(
            family=family,
            trials=trials,
            years=years,
            seed=config.training.seed if seed < 0 else seed,
            workers=workers,
            resume=resume,
            test_mode=test_mode,
            started_ms=int(datetime.now(UTC).timestamp() * 1000),
        )
        began = time.perf_counter()
        with stage(f"tuning {family}", trials, plainly=False) as done:
            tuned = tune(dataset, config, request, Narrator(done))
        document = document_of(tuned, family) | {
            "record": record_of(tuned, request, dataset, time.perf_counter() - began)
        }
        emit(document, text_of(tuned, family))

    command.__doc__ = f"{summary}\n\nExample: sigma tune {family} --symbol BTCUSDT --timeframe 1h --trials 50\n"
    return command
