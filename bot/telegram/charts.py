"""Charts as PNG: price with its trades, equity with its drawdown.

Drawn by matplotlib, which is loaded when the first chart is asked for. Only `Figure` objects are used, never pyplot:
there is no global state, so threads do not meet.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from storage.ledger.queries import EquityPoint, OpenPosition
from storage.ledger.trades import Trade
from strategies.market import CLOSE, HIGH, LOW, OPEN_MS, CandleArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE_IN: Final = (9.0, 5.0)
DOTS_PER_INCH: Final = 110
LONG_COLOUR, SHORT_COLOUR, LINE_COLOUR = "#1a7f5a", "#b3403a", "#33506b"


def price_picture(candles: CandleArray, trades: Sequence[Trade], held: Sequence[OpenPosition], title: str) -> bytes:
    """Return closes with the range of each candle, entries, exits, and the stop and target of what is held.

    Args:
        candles: (n, 6), n >= 1: what is shown.
        trades: of this market; those outside the candles are left out.
        held: open positions of this market.
        title: above the picture.
    """
    figure, axes = _new(title)
    when = _times(candles[:, OPEN_MS])
    axes.fill_between(when, candles[:, LOW], candles[:, HIGH], color=LINE_COLOUR, alpha=0.18, linewidth=0)
    axes.plot(when, candles[:, CLOSE], color=LINE_COLOUR, linewidth=1.2, label="close")
    first_ms = float(candles[0, OPEN_MS])
    for trade in trades:
        _draw_trade(axes, trade, first_ms)
    for position in held:
        _draw_position(axes, position, when)
    axes.set_ylabel("price")
    axes.legend(loc="best", fontsize=8, framealpha=0.6)
    return _png(figure)


def equity_picture(points: Sequence[EquityPoint], deposit: float, title: str) -> bytes:
    """Return equity over time with the deposit as a line, and the drawdown below it.

    Args:
        points: at least one, ascending.
        deposit: quote.
        title: above the picture.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_IN, dpi=DOTS_PER_INCH, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    when = _times(np.array([point.ms for point in points], np.float64))
    equity = np.array([point.equity for point in points])
    upper.set_title(title, fontsize=10)
    upper.plot(when, equity, color=LINE_COLOUR, linewidth=1.4)
    upper.axhline(deposit, color="#888888", linewidth=0.8, linestyle="--")
    upper.set_ylabel("equity")
    peak = np.maximum(np.maximum.accumulate(equity), deposit)
    lower.fill_between(when, (equity / peak - 1) * 100, 0, color=SHORT_COLOUR, alpha=0.4, linewidth=0)
    lower.set_ylabel("drawdown, %")
    for axes in (upper, lower):
        axes.grid(alpha=0.25)
    _date_axis(lower)
    return _png(figure)


def _new(title: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_IN, dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.25)
    _date_axis(axes)
    return figure, axes


def _date_axis(axes: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.tick_params(labelsize=8)


def _draw_trade(axes: Axes, trade: Trade, first_ms: float) -> None:
    if trade.closed_ms is None or trade.exit_price is None or trade.closed_ms < first_ms:
        return
    colour = LONG_COLOUR if trade.side == "LONG" else SHORT_COLOUR
    opened, closed = _time(trade.opened_ms), _time(trade.closed_ms)
    if trade.opened_ms >= first_ms:
        axes.plot([opened, closed], [trade.entry_price, trade.exit_price], color=colour, linewidth=0.8, linestyle=":")
        marker = "^" if trade.side == "LONG" else "v"
        axes.plot([opened], [trade.entry_price], marker=marker, color=colour, markersize=7, linestyle="")
    axes.plot([closed], [trade.exit_price], marker="x", color=colour, markersize=6, linestyle="")


def _draw_position(axes: Axes, position: OpenPosition, when: Sequence[Any]) -> None:
    colour = LONG_COLOUR if position.side == "LONG" else SHORT_COLOUR
    begin = max(_time(position.opened_ms), when[0])
    for level, name in (
        (position.entry_price, f"{position.side} entry"),
        (position.stop_loss, "stop"),
        (position.take_profit, "target"),
    ):
        if level is not None:
            style = "-" if name.endswith("entry") else "--"
            axes.plot([begin, when[-1]], [level, level], color=colour, linewidth=1.0, linestyle=style, label=name)


def _times(moments_ms: np.ndarray) -> list[Any]:
    return [_time(moment) for moment in moments_ms]


def _time(ms: float) -> Any:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _png(figure: Figure) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    stream = io.BytesIO()
    FigureCanvasAgg(figure).print_png(stream)
    return stream.getvalue()
