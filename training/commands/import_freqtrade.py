"""`sigma import freqtrade`: trades of freqtrade as a read-only run, to compare with ours."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    file: Path = typer.Argument(..., help="trades.sqlite, a backtest zip or its JSON; Jesse's JSON and CSV lists too."),
    strategy: str = typer.Option("", help="Which one of a file with several."),
    name: str = typer.Option("", help="What the comparison calls it; empty: the file's name."),
    initial_capital: float = typer.Option(0.0, min=0.0, help="Quote currency; 0: what the file says, else configured."),
) -> None:
    """Read the trades that freqtrade, Jesse or a CSV list made into a run record that is only read.

    Example: sigma import freqtrade user_data/tradesv3.sqlite --name "my old bot"
    """
    from training.commands._import_trades import bring

    bring(file, strategy, name, initial_capital)
