"""`train xgboost`: boosted trees that regress the return (and vote), or recognise trends or chart patterns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from storage.lazy import lazily
from storage.terminal.options import takes
from training.commands._options import Candles, PackBundle, Seed, SourceModel, TestMode

with lazily():
    from training.commands._train_xgboost import run

Task = Annotated[str, typer.Option(help="return (the one that trades), trend_classification, pattern_classification.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Candles):
    """What the trees learn, how they grow, and what judges them."""

    task: Task = "return"
    n_estimators: Annotated[int | None, typer.Option(min=1, help="Trees a seed; else as configured.")] = None
    max_depth: Annotated[int | None, typer.Option(min=1, help="Of a tree; else as configured.")] = None
    learning_rate: Annotated[float | None, typer.Option(min=1e-6, help="Else as configured.")] = None
    seeds: Annotated[int | None, typer.Option(min=1, help="Models averaged (task return); else xgboost.seeds.")] = None
    seed: Seed = None
    horizon_bars: Annotated[
        int, typer.Option(min=2, max=720, help="Bars of the trend to come (trend_classification).")
    ] = 24
    held_out: Annotated[
        str | None, typer.Option(help="Market that only judges a classifier; else the last of several.")
    ] = None
    source_model: SourceModel = None
    plot: Annotated[Path | None, typer.Option(help="Where the importance chart goes; else under runs/.")] = None
    bundle: PackBundle = True
    test_mode: TestMode = False


@takes(Options)
def command(options: Options) -> None:
    """Train boosted trees; print what they are worth on later bars, and which features they lean on.

    Example: sigma train xgboost --task pattern_classification --symbols BTCUSDT,ETHUSDT --n-estimators 500
    """
    run(options)
