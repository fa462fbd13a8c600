"""`sigma backtest`: trade a bundle over stored candles it has not seen, and say what that is worth."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    model: str = typer.Option("production", help="A bundle's id, its folder, production, or trend."),
    symbols: str = typer.Option(
        "", "--symbol", "--symbols", help="Comma separated; empty: those of the configuration."
    ),
    start_date: str = typer.Option("", help="First day or time, ISO, UTC; empty: the first honest one."),
    end_date: str = typer.Option("", help="End, ISO, UTC, exclusive; empty: as far as candles are stored."),
    initial_capital: float = typer.Option(0.0, help="Deposit in quote currency; 0: of the configuration.", min=0.0),
    universe: str = typer.Option("", help="top, top:40 or list instead of symbols; members as known then."),
    sides: str = typer.Option("", help="both, long or short; empty: of the configuration."),
    report: Path = typer.Option(Path(), show_default=False, help="Write an HTML report here."),
    export: Path = typer.Option(Path(), show_default=False, help="Write all fills and funding here, .csv or .parquet."),
    exchange: str = typer.Option("", help="Whose candles; empty: exchange.name of the configuration."),
    allow_in_sample: bool = typer.Option(
        False, "--allow-in-sample", help="Run over training bars; every figure says SEEN."
    ),
    costs_factor: float = typer.Option(1.0, help="Multiply fees and slippage."),
    delay_bars: int = typer.Option(0, help="Act on every decision so many decision candles late."),
) -> None:
    """Trade a bundle over bars it has not seen, through the kernel that trades live.

    Example: sigma backtest --model production --start-date 2024-07-01 --end-date 2025-07-01 --report run.html
    """
    from training.commands._backtest import Options, trade

    trade(
        Options(
            model=model,
            symbols=symbols,
            start_date=start_date,
            end_date=end_date,
            initial_capital=initial_capital,
            universe=universe,
            sides=sides,
            report=report,
            export=export,
            exchange=exchange,
            allow_in_sample=allow_in_sample,
            costs_factor=costs_factor,
            delay_bars=delay_bars,
        )
    )
