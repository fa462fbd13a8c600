"""Comparison of runs: one column a run, one line a figure; what a record does not hold is a dash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

from storage.language import _
from storage.models.runs import Run
from storage.terminal.table import GAP, NARROWEST, Column
from storage.terminal.table import table as lines
from strategies.errors import BadInput
from training.backtest.run_candles import moment
from training.report.page import Section, page
from training.report.tables import table

LEAST_COLUMN: Final = len(GAP) + NARROWEST + 4  # characters of a run
_UNKNOWN: Final = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One run's figures as text, by name, and as numbers."""

    run: str
    kind: str
    model: str
    shown: Mapping[str, str]
    figures: Mapping[str, float | None]

    def document(self) -> dict[str, Any]:
        """Return JSON types."""
        return asdict(self)


def compared(runs: Sequence[Run]) -> list[Compared]:
    """Return the runs' figures.

    Raises:
        BadInput: a run holds no trading result: a training does not.
    """
    return [_compared(run) for run in runs]


def summary(rows: Sequence[Compared], width: int | None) -> str:
    """Return what the terminal shows: the runs beside each other, as many as its lines hold, the others below.

    Args:
        rows: the runs.
        width: of a line; None: all beside each other.
    """
    names = list(rows[0].shown)
    most = len(rows) if width is None else max(1, (width - max(map(len, names))) // LEAST_COLUMN)
    blocks = [rows[first : first + most] for first in range(0, len(rows), most)]
    return "\n\n".join(lines(_columns(block), names, width=width) for block in blocks)


def _columns(rows: Sequence[Compared]) -> list[Column]:
    of_runs = [
        Column(name=f"{row.model} {row.kind} {row.run}", text=partial(_shown_by, row), is_number=True, is_prose=True)
        for row in rows
    ]
    return [Column(name="", text=str), *of_runs]


def _shown_by(row: Compared, name: str) -> str:
    return row.shown[name]


def page_of(rows: Sequence[Compared]) -> str:
    """Return the comparison as one HTML document."""
    header = ["", *(f"{row.model} ({row.kind} {row.run})" for row in rows)]
    body = table(header, [[name, *(row.shown[name] for row in rows)] for name in rows[0].shown])
    return page(_("Runs compared"), ", ".join(row.run for row in rows), [Section(title="Figures", body=body)])


def _compared(run: Run) -> Compared:
    found = run.result.get("scores", run.result)
    if not isinstance(found.get("figures"), dict) or "initial_capital" not in found:
        raise BadInput(
            f"run {run.id} is a {run.kind!r} without trades; backtests, walk-forwards and imports are compared"
        )
    figures, trades, costs = found["figures"], found["trades"], found.get("costs") or {}
    numbers = {
        "total_return": figures.get("total_return"),
        "max_drawdown": figures.get("max_drawdown"),
        "sharpe": figures.get("sharpe"),
        "sortino": figures.get("sortino"),
        "volatility": figures.get("volatility"),
        "trades": trades.get("trades"),
        "win_rate": trades.get("win_rate"),
        "profit_factor": trades.get("profit_factor"),
        "average_duration_h": trades.get("average_duration_h"),
        "net_profit": trades.get("net_profit"),
        "fees": costs.get("fees", trades.get("fees")),
        "funding": costs.get("funding", trades.get("funding")),
        "initial_capital": found.get("initial_capital"),
        "final_equity": found.get("final_equity"),
    }
    shown = {
        "markets": ", ".join(found.get("symbols") or []) or _UNKNOWN,
        "from": moment(int(found["start_ms"])),
        "to": moment(int(found["end_ms"])),
        "initial capital": _text(numbers["initial_capital"], ",.2f"),
        "final equity": _text(numbers["final_equity"], ",.2f"),
        "total return": _text(numbers["total_return"], "+.1%"),
        "max drawdown": _text(numbers["max_drawdown"], ".1%"),
        "Sharpe": _text(numbers["sharpe"], ".2f"),
        "Sortino": _text(numbers["sortino"], ".2f"),
        "volatility": _text(numbers["volatility"], ".1%"),
        "trades": _text(numbers["trades"], ","),
        "win rate": _text(numbers["win_rate"], ".1%"),
        "profit factor": _text(numbers["profit_factor"], ".2f"),
        "average duration, h": _text(numbers["average_duration_h"], ".1f"),
        "net profit": _text(numbers["net_profit"], "+,.2f"),
        "fees": _text(numbers["fees"], ",.2f"),
        "funding paid": _text(numbers["funding"], "+,.2f"),
        "verdict": str(found.get("verdict", _UNKNOWN)),
    }
    return Compared(run=run.id, kind=run.kind, model=str(found.get("model", "")), shown=shown, figures=numbers)


def _text(value: float | None, form: str) -> str:
    return _UNKNOWN if value is None else format(value, form)
