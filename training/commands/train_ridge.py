"""`train ridge`: the linear yardstick, as a bundle of its own."""

from __future__ import annotations

import typer

from storage.terminal.output import emit
from training.runtime.progress import configuration


def command(
    symbols: str = typer.Option(
        "", "--symbol", "--symbols", help="Comma separated, pooled; empty: exchange.symbols of the configuration."
    ),
    timeframe: str = typer.Option(
        "",
        "--timeframe",
        "--timeframes",
        help="Decision timeframe, such as 1h; with 1h,4h,1d coarser candles are seen too.",
    ),
    exchange: str = typer.Option("", help="Whose candles; empty: exchange.name of the configuration."),
    until: str = typer.Option("", help="Use only candles closed by this UTC day or time; empty: all stored."),
    penalty: float = typer.Option(0.0, min=0.0, help="Of squared weights; 0: ridge.penalty."),
    interactions: bool = typer.Option(True, help="Multiply directional columns with the state of volatility."),
    years: float = typer.Option(4.0, min=0.2, help="At most so many recent years are scored out of fold."),
) -> None:
    """Train the linear model and pack it as a bundle.

    Example: sigma train ridge --symbols BTCUSDT --timeframe 1h --penalty 3000
    """
    from training.commands._common import make_bundle, open_dataset
    from training.commands.train_bundle import summary
    from training.ensemble.families import RidgeFamily

    config = configuration()
    update = {"penalty": penalty or config.ridge.penalty, "interactions": interactions and config.ridge.interactions}
    family = RidgeFamily(settings=config.ridge.model_copy(update=update))
    dataset = open_dataset(config, symbols, timeframe, exchange, until)
    document = make_bundle(config, dataset, [family], config.training.seed, "train ridge", years=years, months=6)
    emit(document, summary(document))
