"""`retrain`: the second path by hand or for the daemon: train, judge against the champion, keep, promote or reject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from storage.lazy import lazily
from storage.terminal.options import takes
from training.commands._options import Cache, Candles, Families, RefitMonths, Seed, Workers, Years

with lazily():
    from training.commands._retrain import run


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Candles):
    """What is trained on what, and what becomes of it."""

    families: Families = None
    seed: Seed = None
    years: Years = 4.0
    refit_months: RefitMonths = 6
    gaps: Annotated[str, typer.Option(help="What to do with gaps of more than 3 bars: refuse or split.")] = "refuse"
    leakage: Annotated[bool, typer.Option(help="Ask the recipe questions whose answers are known first.")] = True
    workers: Workers = None
    cache: Cache = True
    promote: Annotated[bool, typer.Option(help="Move the production pointer when the gate says so.")] = True


@takes(Options)
def command(options: Options) -> None:
    """Train on all stored candles, judge the candidate by the promotion policy, and promote or reject it.

    Where a daemon runs, `sigma retrain` without options asks the daemon and follows it; with options of its own the
    bundle is kept on the bench beside it.

    Example: sigma retrain --until 2025-01-01 --no-promote
    """
    run(options)
