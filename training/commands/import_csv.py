"""`sigma import csv`: a list of trades as a read-only run, to compare with ours."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    file: Path = typer.Argument(..., help="Closed trades: symbol, side, entry and exit time and price, quantity, fee."),
    name: str = typer.Option("", help="What the comparison calls it; empty: the file's name."),
    initial_capital: float = typer.Option(0.0, min=0.0, help="Quote currency; 0: what the file says, else configured."),
) -> None:
    """Read a CSV list of closed trades into a run record that is only read.

    Example: sigma import csv trades.csv --name "by hand"
    """
    from training.commands._import_trades import bring

    bring(file, "", name, initial_capital)
