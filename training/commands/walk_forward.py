"""`sigma walk-forward`: retrain a recipe again and again over history, trade what it had not seen, judge the sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from storage.lazy import lazily
from storage.terminal.options import Report, Universe, since, takes
from training.commands._options import Cache, Candles, CostsFactor, DelayBars, RefitMonths, Seed, Workers

with lazily():
    from training.commands._walk_forward import run

Traded = Annotated[
    str | None,
    typer.Option("--trade", help="Markets traded and judged, or all that teach; else --symbols, or exchange.symbols."),
]
LeaveOut = Annotated[
    int | None,
    typer.Option(min=0, help="Groups of coins left out, each scored by models of the others; else as a panel needs."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Candles):
    """Which recipe learns from what, which folds it is tried on, and how it is traded there."""

    model_type: Annotated[str, typer.Option(help="lstm, xgboost, ridge, ppo, or ensemble.")] = "ensemble"
    trade: Traded = None
    universe: Universe = None
    leave_out: LeaveOut = None
    train_window: Annotated[
        str | None, typer.Option(help="Days a fold learns from, or all; else validation.train_window_d.")
    ] = None
    test_window: Annotated[float | None, typer.Option(min=0.0, help="Days a fold is tested; else --refit-months.")] = (
        None
    )
    refit_months: RefitMonths = 3
    since_ms: Annotated[int | None, since("First traded day; else as early as the history allows.")] = None
    costs_factor: CostsFactor = 1.0
    delay_bars: DelayBars = 0
    stress: Annotated[
        bool, typer.Option("--stress", help="Also each family alone, doubled costs, one bar late; nothing is refitted.")
    ] = False
    report: Report = None
    workers: Workers = None
    seed: Seed = None
    cache: Cache = True
    benchmark: Annotated[bool, typer.Option(help="Also walk the linear model forward, to stand beside.")] = True


@takes(Options)
def command(options: Options) -> None:
    """Retrain over history in purged folds, trade what each fold had not seen, at costs, beside benchmarks.

    Example: sigma walk-forward --model-type xgboost --train-window all --refit-months 6 --report walk.html
    """
    run(options)
