"""The index of all runs: every training, backtest and imported trade list of which there is a record."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from bot.values.view import View
from storage.models.runs import Run, all_runs


class RunRecord(View):
    """One record, in the figures that kinds share."""

    run: str = Field(description="its id, as `sigma runs show` takes it")
    kind: str
    model: str = Field(description="the bundle, folder or name that was run; empty: the record names none")
    until_ms: int = Field(description="end of the data it saw")
    total_return: float | None
    sharpe: float | None
    trades: int | None
    path: str


def records_of(folder: Path, kind: str = "") -> list[RunRecord]:
    """Return the records of a folder, by kind, then by the end of their data; only of one kind where that is named."""
    return [record_of(run) for run in all_runs(folder) if not kind or run.kind == kind]


def record_of(run: Run) -> RunRecord:
    """Return one record's row."""
    figures, trades = run.result.get("figures"), run.result.get("trades")
    return RunRecord(
        run=run.id,
        kind=run.kind,
        model=str(run.result.get("model") or run.result.get("folder") or run.result.get("bundle") or ""),
        until_ms=run.until_ms,
        total_return=figures.get("total_return") if isinstance(figures, dict) else None,
        sharpe=figures.get("sharpe") if isinstance(figures, dict) else None,
        trades=trades.get("trades") if isinstance(trades, dict) else None,
        path=str(run.path),
    )
