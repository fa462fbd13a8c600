"""`sigma runs`: every training, backtest and imported trade list there is a record of."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from storage.config.effective import load
from storage.lazy import lazily
from storage.models.runs import find_run
from storage.terminal.output import emit, width
from storage.terminal.table import Column, table
from storage.terminal.times import day_of

with lazily():
    from bot.views.run_records import RunRecord, records_of

app = typer.Typer(add_completion=False, help="List and show run records.")


@app.command("list")
def list_runs(
    kind: Annotated[str | None, typer.Option(help="Only this kind, e.g. backtest.")] = None,
) -> None:
    """List the run records: what was run, on what, and what came out.

    Example: sigma runs list --kind backtest
    """
    found = records_of(load().paths.runs, kind or "")
    emit({"runs": [record.model_dump(mode="json") for record in found]}, lambda: _table(found))


@app.command()
def show(run: Annotated[str, typer.Argument(help="A run's id, or the beginning of one.")]) -> None:
    """Show everything a run record holds.

    Example: sigma runs show 3f2a91c0
    """
    found = find_run(load().paths.runs, run)
    emit({**found.document, "path": str(found.path)}, lambda: json.dumps(found.document, indent=1, ensure_ascii=False))


def _table(runs: list[RunRecord]) -> str:
    if not runs:
        return "no runs yet: sigma backtest or sigma train makes one"
    columns = (
        Column(name="run", text=lambda row: row.run),
        Column(name="kind", text=lambda row: row.kind),
        Column(name="model", text=lambda row: row.model, leaves=3, is_prose=True),
        Column(name="data until", text=lambda row: day_of(row.until_ms), leaves=2),
        Column(name="net", text=lambda row: _figure(row.total_return, "+.1%"), is_number=True),
        Column(name="Sharpe", text=lambda row: _figure(row.sharpe, ".2f"), is_number=True),
        Column(name="trades", text=lambda row: _figure(row.trades, ","), leaves=1, is_number=True),
    )
    return table(columns, runs, width=width())


def _figure(value: Any, form: str) -> str:
    return "" if value is None else format(value, form)
