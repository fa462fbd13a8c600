"""Comparison of runs: one column a run, one line a figure; what a record does not hold is a dash."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from storage.language import _
from storage.models.runs import Run
from storage.terminal.table import GAP
from strategies.errors import BadInput
from training.backtest.run_candles import moment
from training.report.page import Section, page
from training.report.tables import table

LEAST_COLUMN: Final = len(GAP) + 18  # characters of a run: as long as a bundle's name
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
    first = max(map(len, names))
    most = len(rows) if width is None else max(1, (width - first) // LEAST_COLUMN)
    room = None if width is None else (width - first) // min(most, len(rows)) - len(GAP)
    blocks = [rows[start : start + most] for start in range(0, len(rows), most)]
    return "\n\n".join("\n".join(_block(block, names, room)) for block in blocks)


def _block(rows: Sequence[Compared], names: Sequence[str], room: int | None) -> Iterator[str]:
    """Yield the lines of runs beside each other, each as wide as it needs, `room` characters at most."""
    cells = [[f"{row.model} {row.kind} {row.run}", *(row.shown[name] for name in names)] for row in rows]
    widths = [min(max(map(len, column)), room or max(map(len, column))) for column in cells]
    first = max(map(len, names))
    for name, *values in zip(("", *names), *cells, strict=True):
        wrapped = [
            textwrap.wrap(value, size, break_on_hyphens=False) or [""]
            for value, size in zip(values, widths, strict=True)
        ]
        for number in range(max(map(len, wrapped))):
            parts = [part[number] if number < len(part) else "" for part in wrapped]
            shown = GAP.join(part.rjust(size) for part, size in zip(parts, widths, strict=True))
            yield f"{name if number == 0 else '':<{first}}{GAP}{shown}".rstrip()


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
