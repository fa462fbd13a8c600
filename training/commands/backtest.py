"""`sigma backtest`: trade a bundle over stored candles it has not seen, and say what that is worth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from storage.lazy import lazily
from storage.terminal.options import Exchange, Report, Symbols, Universe, Until, since, takes
from training.commands._options import Capital, CostsFactor, DelayBars

with lazily():
    from training.commands._backtest import trade


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to trade, over which bars, and what to write."""

    model: Annotated[str, typer.Option(help="A bundle's id, its folder, production, or trend.")] = "production"
    symbols: Symbols = None
    since_ms: Annotated[int | None, since("First bar; else the first one out of sample.")] = None
    until_ms: Until = None
    initial_capital: Capital = None
    universe: Universe = None
    sides: Annotated[str | None, typer.Option(help="both, long or short; else as configured.")] = None
    report: Report = None
    export: Annotated[Path | None, typer.Option(help="Write all fills and funding here, .csv or .parquet.")] = None
    exchange: Exchange = None
    allow_in_sample: Annotated[
        bool, typer.Option("--allow-in-sample", help="Run over training bars; every figure says SEEN.")
    ] = False
    costs_factor: CostsFactor = 1.0
    delay_bars: DelayBars = 0


@takes(Options)
def command(options: Options) -> None:
    """Trade a bundle over bars it has not seen, through the kernel that trades live.

    Example: sigma backtest --model production --since 2024-07-01 --until 2025-07-01 --report run.html
    """
    trade(options)
