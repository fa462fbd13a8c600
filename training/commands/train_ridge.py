"""`train ridge`: the linear yardstick, as a bundle of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from storage.lazy import lazily
from storage.terminal.options import takes
from storage.terminal.output import emit
from training.commands._options import Candles, Years
from training.commands.train_bundle import summary
from training.runtime.progress import configuration

with lazily():
    from training.commands._common import make_bundle, open_dataset, plan_of
    from training.ensemble.families import RidgeFamily


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Candles):
    """What the linear model learns, and how hard its weights are held."""

    penalty: Annotated[float | None, typer.Option(min=1e-9, help="Of squared weights; else ridge.penalty.")] = None
    interactions: Annotated[bool, typer.Option(help="Multiply directional columns with the state of volatility.")] = (
        True
    )
    years: Years = 4.0


@takes(Options)
def command(options: Options) -> None:
    """Train the linear model and pack it as a bundle.

    Example: sigma train ridge --symbols BTCUSDT --timeframe 1h --penalty 3000
    """
    config = configuration()
    settings = config.ridge.model_copy(
        update={
            "penalty": config.ridge.penalty if options.penalty is None else options.penalty,
            "interactions": options.interactions and config.ridge.interactions,
        }
    )
    dataset = open_dataset(config, options)
    plan = plan_of(config, [RidgeFamily(settings=settings)], config.training.seed, years=options.years)
    document = make_bundle(config, dataset, plan, "train ridge")
    emit(document, summary(document))
