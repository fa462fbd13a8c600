"""`sigma import jesse`: trades of Jesse as a read-only run, to compare with ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from storage.lazy import lazily
from training.commands._options import Began, ListName, StrategyName

with lazily():
    from training.commands._import_trades import bring


def command(
    file: Annotated[Path, typer.Argument(help="The JSON of a Jesse backtest or live session.")],
    strategy: StrategyName = None,
    name: ListName = None,
    initial_capital: Began = None,
) -> None:
    """Read the trades that a Jesse session made into a run record that is only read.

    Example: sigma import jesse storage/json/session.json
    """
    bring(file, strategy, name, initial_capital)
