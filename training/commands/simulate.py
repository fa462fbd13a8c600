"""`sigma simulate`: the whole routine over history: retrain, judge, swap, watch, roll back, and what it would earn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from storage.lazy import lazily
from storage.terminal.options import Exchange, Report, Symbols, Universe, Until, since, takes
from training.commands._options import Families, RefitMonths, Seed, Workers, Years

with lazily():
    from training.commands._simulate import run


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Which markets and days, how often is trained, and by whom."""

    since_ms: Annotated[int, since("First traded day,")]
    until_ms: Until = None
    symbols: Symbols = None
    universe: Universe = None
    exchange: Exchange = None
    families: Families = None
    retrain_months: Annotated[int, typer.Option(min=1, max=60, help="Calendar months between scheduled trainings.")] = 1
    refit_months: RefitMonths = 6
    years: Years = 4.0
    drift: Annotated[bool, typer.Option(help="Drift starts trainings, too.")] = True
    report: Report = None
    workers: Workers = None
    seed: Seed = None


@takes(Options)
def command(options: Options) -> None:
    """Live through history with the daemon's own routine and say what the self-training bot would have done.

    Example: sigma simulate --since 2024-07-01 --until 2025-07-01 --report simulation.html
    """
    run(options)
