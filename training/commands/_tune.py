"""What the `tune` commands share: their options, the study, a line a trial, the best settings as config.toml."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from storage.lazy import lazily
from storage.terminal.options import takes
from storage.terminal.output import emit
from training.commands._options import Candles, Seed, TestMode
from training.runtime.progress import configuration, stage

with lazily():
    from training.commands._common import open_dataset, seed_of
    from training.commands._tuned import Narrator, document_of, record_of, text_of
    from training.tuning.study_trials import StudyRequest
    from training.tuning.test_mode import newest
    from training.tuning.tune import tune


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Candles):
    """How many trials, by how many processes, and what scores them."""

    trials: Annotated[int, typer.Option(min=1, help="Trials in all, those of an interrupted study included.")] = 50
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the study of the same data, settings and seed.")
    ] = False
    workers: Annotated[int, typer.Option(min=0, help="Processes that try in parallel; 0: one per core.")] = 1
    years: Annotated[float, typer.Option(min=0.2, help="At most so many recent years score a trial.")] = 3.0
    seed: Seed = None
    test_mode: TestMode = False


def tuning(family: str, summary: str) -> Callable[..., None]:
    """Return the typer command that tunes a family."""

    def command(options: Options) -> None:
        _tune(family, options)

    command.__doc__ = f"{summary}\n\nExample: sigma tune {family} --symbols BTCUSDT --timeframe 1h --trials 50\n"
    return takes(Options)(command)


def _tune(family: str, options: Options) -> None:
    config = configuration()
    dataset = open_dataset(config, options)
    if options.test_mode:
        dataset = newest(dataset)
    request = StudyRequest(
        family=family,
        trials=options.trials,
        years=options.years,
        seed=seed_of(config, options.seed),
        workers=options.workers,
        resume=options.resume,
        test_mode=options.test_mode,
        started_ms=int(datetime.now(UTC).timestamp() * 1000),
    )
    began = time.perf_counter()
    with stage(f"tuning {family}", options.trials, plainly=False) as done:
        tuned = tune(dataset, config, request, Narrator(done))
    record = record_of(tuned, request, dataset, time.perf_counter() - began)
    emit(document_of(tuned, family) | {"record": record}, text_of(tuned, family))
