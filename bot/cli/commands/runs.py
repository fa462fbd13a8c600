"""`sigma runs`: every training, backtest and imported trade list there is a record of."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from storage.config.effective import load
from storage.models.runs import Run, all_runs, find_run
from storage.terminal.output import emit, width
from storage.terminal.table import Column, table
from storage.terminal.times import day_of

app = typer.Typer(add_completion=False, help="List and show run records.")


@app.command("list")
def list_runs(
    kind: Annotated[str, typer.Option(help="Only this kind, e.g. backtest.")] = "",
) -> None:
    """List the run records: what was run, on what, and what came out.

    Example: sigma runs list --kind backtest
    """
    found = [run for run in all_runs(load().paths.runs) if not kind or run.kind == kind]
    emit({"runs": [_row(run) for run in found]}, lambda: _table(found))


@app.command()
def show(run: Annotated[str, typer.Argument(help="A run's id, or the beginning of one.")]) -> None:
    """Show everything a run record holds.

    Example: sigma runs show 3f2a91c0
    """
    found = find_run(load().paths.runs, run)
    emit({**found.document, "path": str(found.path)}, lambda: json.dumps(found.document, indent=1, ensure_ascii=False))


def _row(run: Run) -> dict[str, Any]:
    figures = run.result.get("figures")
    trades = run.result.get("trades")
    return {
        "run": run.id,
        "kind": run.kind,
        "model": run.result.get("model") or run.result.get("folder") or run.result.get("bundle") or "",
        "until_ms": run.until_ms,
        "total_return": figures.get("total_return") if isinstance(figures, dict) else None,
        "sharpe": figures.get("sharpe") if isinstance(figures, dict) else None,
        "trades": trades.get("trades") if isinstance(trades, dict) else None,
        "path": str(run.path),
    }


def _table(runs: list[Run]) -> str:
    if not runs:
        return "no runs yet: sigma backtest or sigma train makes one"
    columns = (
        Column(name="run", text=lambda row: row["run"]),
        Column(name="kind", text=lambda row: row["kind"]),
        Column(name="model", text=lambda row: str(row["model"]), leaves=3, is_prose=True),
        Column(name="data until", text=lambda row: day_of(row["until_ms"]), leaves=2),
        Column(name="net", text=lambda row: _figure(row["total_return"], "+.1%"), is_number=True),
        Column(name="Sharpe", text=lambda row: _figure(row["sharpe"], ".2f"), is_number=True),
        Column(name="trades", text=lambda row: _figure(row["trades"], ","), leaves=1, is_number=True),
    )
    return table(columns, map(_row, runs), width=width())


def _figure(value: Any, form: str) -> str:
    return "" if value is None else format(value, form)
