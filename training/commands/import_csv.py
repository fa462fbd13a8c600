"""`sigma import csv`: a list of trades as a read-only run, to compare with ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from storage.lazy import lazily
from training.commands._options import Began, ListName

with lazily():
    from training.commands._import_trades import bring


def command(
    file: Annotated[
        Path, typer.Argument(help="Closed trades: symbol, side, entry and exit time and price, quantity, fee.")
    ],
    name: ListName = None,
    initial_capital: Began = None,
) -> None:
    """Read a CSV list of closed trades into a run record that is only read.

    Example: sigma import csv trades.csv --name "by hand"
    """
    bring(file, None, name, initial_capital)
