"""`sigma import freqtrade`: trades of freqtrade as a read-only run, to compare with ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from storage.lazy import lazily
from training.commands._options import Began, ListName, StrategyName

with lazily():
    from training.commands._import_trades import bring


def command(
    file: Annotated[
        Path, typer.Argument(help="trades.sqlite, a backtest zip or its JSON; Jesse's JSON and CSV lists too.")
    ],
    strategy: StrategyName = None,
    name: ListName = None,
    initial_capital: Began = None,
) -> None:
    """Read the trades that freqtrade, Jesse or a CSV list made into a run record that is only read.

    Example: sigma import freqtrade user_data/tradesv3.sqlite --name "my old bot"
    """
    bring(file, strategy, name, initial_capital)
