"""`sigma import jesse`: trades of Jesse as a read-only run, to compare with ours."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    file: Path = typer.Argument(..., help="The JSON of a Jesse backtest or live session."),
    strategy: str = typer.Option("", help="Which one of a file with several."),
    name: str = typer.Option("", help="What the comparison calls it; empty: the file's name."),
    initial_capital: float = typer.Option(0.0, min=0.0, help="Quote currency; 0: what the file says, else configured."),
) -> None:
    """Read the trades that a Jesse session made into a run record that is only read.

    Example: sigma import jesse storage/json/session.json
    """
    from training.commands._import_trades import bring

    bring(file, strategy, name, initial_capital)
