"""Charts as PNG: candles with their trades and levels, equity with its drawdown; on a light ground or a dark one.

Drawn by matplotlib, which is loaded when the first chart is asked for. Only `Figure` objects are used, never pyplot:
there is no global state, so threads do not meet.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from bot.trading.control import Control
from storage.language import _, translated
from storage.lazy import lazily
from storage.ledger.queries import EquityPoint, OpenPosition
from storage.ledger.trades import Trade
from strategies.market import CLOSE, HIGH, HOUR_MS, LOW, OPEN, OPEN_MS, CandleArray

with lazily():
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

SIZE_IN: Final = (9.0, 5.0)
DOTS_PER_INCH: Final = 110
MOST_CANDLES: Final = 400  # more would be thinner than a pixel: the newest are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Colours:
    """Of a picture; `gain` and `loss` are an outcome's, never a side's: a winning short is green."""

    ground: str
    ink: str
    grid: str
    gain: str
    loss: str
    entry: str
    line: str


LIGHT: Final = Colours(
    ground="#ffffff", ink="#22303c", grid="#c9d2da", gain="#1a7f5a", loss="#b3403a", entry="#2b6cb0", line="#33506b"
)
DARK: Final = Colours(
    ground="#12181f", ink="#d7e0e8", grid="#33404c", gain="#3fbf8f", loss="#e0695f", entry="#6cb2eb", line="#9db7cc"
)


def market_picture(control: Control, symbol: str, hours: int, *, is_dark: bool = False) -> bytes | None:
    """Return a market's last candles, trades and levels; None: no candle is in the ledger. Asks the database."""
    ledger = control.ledger
    candles = ledger.candles(symbol)
    candles = candles[candles[:, OPEN_MS] >= control.clock.now_ms() - hours * HOUR_MS][-MOST_CANDLES:]
    if not len(candles):
        return None
    closed = ledger.trades(symbol=symbol, since_ms=int(candles[0, OPEN_MS]))
    held = [position for position in ledger.positions() if position.symbol == symbol]
    title = f"{symbol} · {ledger.account.timeframe} · {translated(control.exchange_info.market_name)}"
    return price_picture(candles, closed, held, title, is_dark=is_dark)


def price_picture(
    candles: CandleArray, trades: Sequence[Trade], held: Sequence[OpenPosition], title: str, *, is_dark: bool = False
) -> bytes:
    """Return candles, entries, exits, and the entry, stop and target of what is held.

    Args:
        candles: (n, 6), n >= 1: what is shown.
        trades: of this market; those outside the candles are left out.
        held: open positions of this market.
        title: above the picture.
        is_dark: on a dark ground.
    """
    colours = DARK if is_dark else LIGHT
    figure, axes = _new(title, colours)
    when = _times(candles[:, OPEN_MS])
    _draw_candles(axes, candles, when, colours)
    first_ms = float(candles[0, OPEN_MS])
    for trade in trades:
        _draw_trade(axes, trade, first_ms, colours)
    for position in held:
        _draw_position(axes, position, when, colours)
    axes.set_ylabel(_("price"))
    if held:
        axes.legend(loc="best", fontsize=8, framealpha=0.6, facecolor=colours.ground, labelcolor=colours.ink)
    return _png(figure)


def equity_picture(points: Sequence[EquityPoint], deposit: float, title: str, *, is_dark: bool = False) -> bytes:
    """Return equity over time with the deposit as a line, and the drawdown below it.

    Args:
        points: at least one, ascending.
        deposit: quote.
        title: above the picture.
        is_dark: on a dark ground.
    """
    from matplotlib.figure import Figure

    colours = DARK if is_dark else LIGHT
    figure = Figure(figsize=SIZE_IN, dpi=DOTS_PER_INCH, layout="constrained", facecolor=colours.ground)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    when = _times(np.array([point.ms for point in points], np.float64))
    equity = np.array([point.equity for point in points])
    upper.set_title(title, fontsize=10, color=colours.ink)
    upper.plot(when, equity, color=colours.line, linewidth=1.4)
    upper.axhline(deposit, color=colours.grid, linewidth=0.8, linestyle="--")
    upper.set_ylabel(_("equity"))
    peak = np.maximum(np.maximum.accumulate(equity), deposit)
    lower.fill_between(when, (equity / peak - 1) * 100, 0, color=colours.loss, alpha=0.4, linewidth=0)
    lower.set_ylabel(_("drawdown, %"))
    for axes in (upper, lower):
        _paint(axes, colours)
    _date_axis(lower)
    return _png(figure)


def _new(title: str, colours: Colours) -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE_IN, dpi=DOTS_PER_INCH, layout="constrained", facecolor=colours.ground)
    axes = figure.subplots()
    axes.set_title(title, fontsize=10, color=colours.ink)
    _paint(axes, colours)
    _date_axis(axes)
    return figure, axes


def _paint(axes: Axes, colours: Colours) -> None:
    axes.set_facecolor(colours.ground)
    axes.grid(alpha=0.5, color=colours.grid, linewidth=0.5)
    axes.tick_params(labelsize=8, colors=colours.ink)
    for part in (axes.xaxis.label, axes.yaxis.label):
        part.set_color(colours.ink)
    for spine in axes.spines.values():
        spine.set_color(colours.grid)


def _date_axis(axes: Axes) -> None:
    locator = AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def _draw_candles(axes: Axes, candles: CandleArray, when: Sequence[Any], colours: Colours) -> None:
    """Draw wicks and bodies; the narrowest distance between two candles sets the width of all."""
    step_d = float(np.diff(candles[:, OPEN_MS]).min()) / 86_400_000 if len(candles) > 1 else 1 / 24
    is_up = candles[:, CLOSE] >= candles[:, OPEN]
    for mask, colour in ((is_up, colours.gain), (~is_up, colours.loss)):
        if not mask.any():
            continue
        part = candles[mask]
        moments = [moment for moment, wanted in zip(when, mask, strict=True) if wanted]
        axes.vlines(moments, part[:, LOW], part[:, HIGH], color=colour, linewidth=0.8)
        bottom = np.minimum(part[:, OPEN], part[:, CLOSE])
        height = np.maximum(np.abs(part[:, CLOSE] - part[:, OPEN]), 1e-5 * part[:, CLOSE])
        axes.bar(moments, height, width=0.7 * step_d, bottom=bottom, color=colour, linewidth=0)
    low, high = float(candles[:, LOW].min()), float(candles[:, HIGH].max())
    margin = 0.04 * max(high - low, 1e-9 * high)
    axes.set_ylim(low - margin, high + margin)


def _draw_trade(axes: Axes, trade: Trade, first_ms: float, colours: Colours) -> None:
    if trade.closed_ms is None or trade.exit_price is None or trade.closed_ms < first_ms:
        return
    colour = colours.gain if trade.net > 0 else colours.loss
    opened, closed = _time(trade.opened_ms), _time(trade.closed_ms)
    if trade.opened_ms >= first_ms:
        axes.plot([opened, closed], [trade.entry_price, trade.exit_price], color=colour, linewidth=1.0, linestyle=":")
        marker = "^" if trade.side == "LONG" else "v"
        axes.plot([opened], [trade.entry_price], marker=marker, color=colours.entry, markersize=8, linestyle="")
    axes.plot([closed], [trade.exit_price], marker="X", color=colour, markersize=7, linestyle="")


def _draw_position(axes: Axes, position: OpenPosition, when: Sequence[Any], colours: Colours) -> None:
    begin = min(max(_time(position.opened_ms), when[0]), when[-1])
    low, high = axes.get_ylim()
    for level, name, colour, style in (
        (position.entry_price, f"{position.side} {_('entry')}", colours.entry, "-"),
        (position.stop_loss, _("stop"), colours.loss, "--"),
        (position.take_profit, _("target"), colours.gain, "-."),
    ):
        if level is not None:
            axes.plot([begin, when[-1]], [level, level], color=colour, linewidth=1.2, linestyle=style, label=name)
            margin = 0.02 * (high - low)
            low, high = min(low, level - margin), max(high, level + margin)
    axes.set_ylim(low, high)


def _times(moments_ms: np.ndarray) -> list[Any]:
    return [_time(moment) for moment in moments_ms]


def _time(ms: float) -> Any:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    FigureCanvasAgg(figure).print_png(stream)
    return stream.getvalue()
