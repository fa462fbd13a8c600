"""Options that several batch commands share, and the groups they come in. None: as the configuration says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from storage.terminal.options import Exchange, Symbols, Until

Timeframes = Annotated[
    str | None,
    typer.Option("--timeframe", help="Of decisions, such as 1h; with 1h,4h,1d coarser candles are seen too."),
]
Families = Annotated[str | None, typer.Option(help="Voters, such as xgboost,ridge; else ensemble.families.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Of everything random; else training.seed.")]
Years = Annotated[float, typer.Option(min=0.2, help="At most so many recent years are scored out of fold.")]
RefitMonths = Annotated[int, typer.Option(min=1, max=60, help="Calendar months between refits of the walk forward.")]
Workers = Annotated[int | None, typer.Option(min=0, help="Models fitted at once, 0: all cores; else training.workers.")]
Cache = Annotated[bool, typer.Option(help="Keep fold models, so that a month later only new ones are fitted.")]
Device = Annotated[str | None, typer.Option(help="auto, cpu or cuda; else training.device.")]
SourceModel = Annotated[
    str | None, typer.Option(help="Start from this trained model, by folder, file or id (transfer).")
]
PackBundle = Annotated[bool, typer.Option("--bundle/--no-bundle", help="Also walk forward, calibrate and pack it.")]
TestMode = Annotated[bool, typer.Option("--test-mode", help="A few thousand bars, tiny models: to try the command.")]
ListName = Annotated[str | None, typer.Option("--name", help="What the comparison calls it; else the file's name.")]
StrategyName = Annotated[str | None, typer.Option("--strategy", help="Which one of a file with several.")]
Began = Annotated[
    float | None,
    typer.Option("--initial-capital", min=0.01, help="Quote currency; else what the file says, or the configured one."),
]
Capital = Annotated[float | None, typer.Option(min=0.0, help="Deposit in quote currency; else the configured one.")]
CostsFactor = Annotated[float, typer.Option(min=0.0, help="Multiply fees and slippage.")]
DelayBars = Annotated[int, typer.Option(min=0, help="Act on every decision so many decision candles late.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candles:
    """Which candles teach: the options of every command that trains."""

    symbols: Symbols = None
    timeframe: Timeframes = None
    exchange: Exchange = None
    until_ms: Until = None
