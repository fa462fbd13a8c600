"""Trades of another program as a read-only run, to compare with ours: what the commands of `sigma import` share."""

from __future__ import annotations

import hashlib
from pathlib import Path

from storage.terminal.output import emit
from training.imported.record import imported_result
from training.imported.trade_lists import read_trades
from training.runtime import records
from training.runtime.progress import configuration, say


def bring(file: Path, strategy: str | None, name: str | None, initial_capital: float | None) -> None:
    """Read a list of closed trades and write its run record.

    Args:
        file: as another program keeps it; it is only read.
        strategy: which one of a file with several.
        name: what the comparison calls it; None: the strategy's or the file's.
        initial_capital: quote currency; None: what the file says, else as configured.

    Raises:
        BadInput: it holds no list of trades, or several strategies.
    """
    config = configuration()
    trades, said = read_trades(file, strategy or "")
    capital = initial_capital or said or float(config.execution.initial_capital)
    if initial_capital is None and said is None:
        say(f"{file.name} does not say what it began with; {capital:,.2f} is taken (--initial-capital)")
    result = imported_result(trades, name or strategy or file.stem, capital)
    record = records.RunRecord(
        kind="imported trades",
        config={"file": file.name, "strategy": strategy or "", "initial_capital": capital, "name": result["model"]},
        data_hash=hashlib.sha256(file.read_bytes()).hexdigest(),
        seed=0,
        device="none",
        duration_s=0.0,
        until_ms=result["end_ms"],
        result=result,
    )
    path = records.write(record, config.paths.runs)
    text = (
        f"{len(trades):,} closed trades of {', '.join(result['symbols'])}, net "
        f"{result['final_equity'] - capital:+,.2f} on {capital:,.2f}; run {record.id}, compare it with\n"
        f"sigma report compare {record.id} RUN"
    )
    emit({"run": record.id, "record": str(path), **result}, text)
