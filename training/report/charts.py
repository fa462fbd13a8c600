"""Charts of a run as plotly figures: equity, drawdown, trades on candles.

Colours carry meaning (long, short, stop, target) and read on light and dark paper; everything else is transparent and
takes the page's colours. Times are UTC ms, which plotly's date axis understands.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go

from strategies.kernel.round_trips import RoundTrip
from strategies.market import CLOSE, HIGH, LOW, OPEN, OPEN_MS, CandleArray, Timeframe

BLUE, GREY, GREEN, RED, AMBER = "#3b82f6", "#8b97a3", "#22a565", "#e5484d", "#d89614"
MOST_POINTS = 4000
MOST_CANDLES = 2500
SHALLOW = 0.05  # fraction: drawdowns above it are told in tenths of a percent


def lines(curves: Sequence[tuple[str, np.ndarray, np.ndarray]], unit: str, *, logarithmic: bool = False) -> go.Figure:
    """Return named lines over time; the first is the one the report is about.

    Args:
        curves: name, (n,) UTC ms, (n,) values.
        unit: of the values, shown on the axis.
        logarithmic: value axis; for curves that grow by factors.
    """
    figure = _figure(unit, 380)
    for position, (name, times, values) in enumerate(curves):
        colour = (BLUE, GREY, AMBER, GREEN, RED)[position % 5]
        line = {"color": colour, "width": 2 if position == 0 else 1.3, "dash": "solid" if position < 2 else "dot"}
        kept = thinned(values)
        figure.add_scatter(x=_dates(times[kept]), y=values[kept], name=name, mode="lines", line=line)
    figure.update_yaxes(type="log" if logarithmic else "linear", tickformat=",")
    return figure


def filled(name: str, times: np.ndarray, values: np.ndarray) -> go.Figure:
    """Return values <= 0 as an area hanging from zero; the deepest point of every stretch is kept.

    Raises:
        ValueError: a value is above zero.
    """
    if (values > 0).any():
        raise ValueError(f"{name} reaches {float(values.max()):g}; values at or below 0 are needed")
    figure = _figure("", 240)
    kept = deepest(values)
    style = {"color": RED, "width": 1}
    figure.add_scatter(x=_dates(times[kept]), y=values[kept], name=name, mode="lines", line=style, fill="tozeroy")
    is_shallow = float(values.min(initial=0.0)) > -SHALLOW
    figure.update_yaxes(tickformat=".1%" if is_shallow else ".0%", rangemode="tozero")
    return figure


def bars(name: str, times: np.ndarray, values: np.ndarray, form: str) -> go.Figure:
    """Return one bar a moment, green above zero and red below; `form` is how the axis writes numbers."""
    figure = _figure(name, 240)
    figure.add_bar(x=_dates(times), y=values, name=name, marker_color=np.where(values > 0, GREEN, RED))
    figure.update_yaxes(tickformat=form)
    return figure


def trades_on_candles(
    candles: CandleArray,
    timeframe: Timeframe,
    trades: Sequence[RoundTrip],
    brackets: Sequence[tuple[float | None, float | None]],
) -> go.Figure:
    """Return one market's candles with its entries, exits, stops and targets.

    Args:
        candles: (n, 6) decision candles of the run.
        timeframe: their length.
        trades: of this market.
        brackets: (stop price, target price) of each trade at its entry.
    """
    shown = coarser(candles, timeframe)
    figure = _figure("price", 520)
    figure.add_candlestick(
        x=_dates(shown[:, OPEN_MS]),
        open=shown[:, OPEN],
        high=shown[:, HIGH],
        low=shown[:, LOW],
        close=shown[:, CLOSE],
        name="price",
        increasing_line_color=GREY,
        decreasing_line_color=GREY,
        increasing_fillcolor="rgba(0,0,0,0)",
    )
    end_ms = float(candles[-1, OPEN_MS]) + timeframe.ms if len(candles) else 0.0
    for side, name, symbol in ((1, "long", "triangle-up"), (-1, "short", "triangle-down")):
        chosen = [trade for trade in trades if trade.side == side]
        _add_path(figure, f"{name} held", chosen, end_ms, GREEN if side > 0 else RED)
        _add_entries(figure, f"{name} entry", chosen, symbol, GREEN if side > 0 else RED)
    _add_exits(figure, [trade for trade in trades if trade.is_closed])
    _add_levels(figure, "stop loss", trades, [stop for stop, _ in brackets], end_ms, RED)
    _add_levels(figure, "take profit", trades, [take for _, take in brackets], end_ms, GREEN)
    figure.update_xaxes(rangeslider={"visible": True, "thickness": 0.06})
    return figure


def thinned(values: np.ndarray, most: int = MOST_POINTS) -> np.ndarray:
    """Return evenly spread row numbers, at most about `most`, the first and the last among them."""
    return np.unique(np.linspace(0, max(len(values) - 1, 0), min(len(values), most)).astype(np.int64))


def deepest(values: np.ndarray, most: int = MOST_POINTS) -> np.ndarray:
    """Return the row of the smallest value of each of at most `most` equal stretches."""
    if len(values) <= most:
        return np.arange(len(values))
    borders = np.linspace(0, len(values), most + 1).astype(np.int64)
    rows = [low + int(values[low:high].argmin()) for low, high in pairwise(borders)]
    return np.array(rows, np.int64)


def coarser(candles: CandleArray, timeframe: Timeframe, most: int = MOST_CANDLES) -> CandleArray:
    """Return the candles, merged to 4h or 1d when there are more than `most`."""
    shown = candles
    for length in (Timeframe.H4, Timeframe.D1):
        if len(shown) > most and length.ms > timeframe.ms:
            shown = _merged(candles, length)
    return shown


def _merged(candles: CandleArray, timeframe: Timeframe) -> CandleArray:
    open_ms = candles[:, OPEN_MS] // timeframe.ms * timeframe.ms
    starts = np.flatnonzero(np.diff(open_ms, prepend=-1.0))
    merged = candles[starts].copy()
    merged[:, OPEN_MS] = open_ms[starts]
    merged[:, HIGH] = np.maximum.reduceat(candles[:, HIGH], starts)
    merged[:, LOW] = np.minimum.reduceat(candles[:, LOW], starts)
    merged[:, CLOSE] = candles[np.append(starts[1:], len(candles)) - 1, CLOSE]
    return merged


def _figure(unit: str, height: int) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        height=height,
        margin={"l": 60, "r": 20, "t": 20, "b": 40},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": 1.08},
        hovermode="x unified",
        template="none",
    )
    figure.update_xaxes(type="date")
    figure.update_yaxes(title_text=unit)
    return figure


def _dates(ms: np.ndarray) -> np.ndarray:
    return np.asarray(ms, np.float64)


def _segments(
    trades: Sequence[RoundTrip], starts: Sequence[float], ends: Sequence[float], end_ms: float
) -> dict[str, list[Any]]:
    """Return x and y of one line a trade, apart by gaps."""
    x: list[float | None] = []
    y: list[float | None] = []
    for trade, start, end in zip(trades, starts, ends, strict=True):
        x += [trade.opened_ms, trade.closed_ms if trade.closed_ms is not None else end_ms, None]
        y += [start, end, None]
    return {"x": x, "y": y}


def _add_path(figure: go.Figure, name: str, trades: Sequence[RoundTrip], end_ms: float, colour: str) -> None:
    entries = [trade.entry for trade in trades]
    exits = [trade.exit if trade.exit is not None else trade.entry for trade in trades]
    path = _segments(trades, entries, exits, end_ms)
    figure.add_scatter(**path, name=name, mode="lines", line={"color": colour, "width": 2}, hoverinfo="skip")


def _add_entries(figure: go.Figure, name: str, trades: Sequence[RoundTrip], symbol: str, colour: str) -> None:
    figure.add_scatter(
        x=[trade.opened_ms for trade in trades],
        y=[trade.entry for trade in trades],
        name=name,
        mode="markers",
        marker={"symbol": symbol, "size": 9, "color": colour},
        text=[f"{trade.opened_by.name.lower()}, {trade.quantity:g}" for trade in trades],
    )


def _add_exits(figure: go.Figure, trades: Sequence[RoundTrip]) -> None:
    figure.add_scatter(
        x=[trade.closed_ms for trade in trades],
        y=[trade.exit for trade in trades],
        name="exit",
        mode="markers",
        marker={"symbol": "x", "size": 7, "color": [GREEN if trade.net > 0 else RED for trade in trades]},
        text=[f"{trade.closed_by.name.lower() if trade.closed_by else ''}, net {trade.net:+,.2f}" for trade in trades],
    )


def _add_levels(
    figure: go.Figure,
    name: str,
    trades: Sequence[RoundTrip],
    levels: Sequence[float | None],
    end_ms: float,
    colour: str,
) -> None:
    known = [(trade, level) for trade, level in zip(trades, levels, strict=True) if level is not None]
    prices = [level for _, level in known]
    style = {"color": colour, "width": 1, "dash": "dot"}
    path = _segments([trade for trade, _ in known], prices, prices, end_ms)
    figure.add_scatter(**path, name=name, mode="lines", line=style, hoverinfo="skip", opacity=0.7)
