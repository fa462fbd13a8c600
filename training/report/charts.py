"""Charts of a run: equity, drawdown, trades on candles.

Colours carry meaning (long, short, stop, target) and read on light and dark paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from storage.charts.chart import Chart, Colour, Form, Mark, Series, Style
from storage.language import _
from strategies.kernel.round_trips import RoundTrip
from strategies.market import CLOSE, HIGH, LOW, OPEN, OPEN_MS, CandleArray, Timeframe

COLOURS: Final[tuple[Colour, ...]] = ("blue", "grey", "amber", "good", "violet")
MOST_POINTS: Final = 2000
MOST_CANDLES: Final = 2500
OF_ALL_MARKETS: Final = 12_000  # candles a report may show: it is to stay below a megabyte
FEWEST_CANDLES: Final = 120
SHALLOW: Final = 0.05  # fraction: drawdowns above it are told in tenths of a percent
FLAT: Final = 0.005  # and above it in hundredths


def lines(curves: Sequence[tuple[str, np.ndarray, np.ndarray]], unit: str, *, logarithmic: bool = False) -> Chart:
    """Return named lines over time; the first is the one the report is about.

    Args:
        curves: name, (n,) UTC ms, (n,) values.
        unit: of the values, shown above the axis.
        logarithmic: value axis; for curves that grow by factors.
    """
    series = []
    for position, (name, times, values) in enumerate(curves):
        kept = thinned(values)
        style: Style = "line" if position == 0 else "dashed"
        colour = COLOURS[position % len(COLOURS)]
        series.append(Series(name=name, style=style, times=times[kept], values=values[kept], colour=colour))
    return Chart(series=series, unit=unit, height=380, logarithmic=logarithmic)


def filled(name: str, times: np.ndarray, values: np.ndarray) -> Chart:
    """Return values <= 0 as an area hanging from zero; the deepest point of every stretch is kept.

    Raises:
        ValueError: a value is above zero.
    """
    if (values > 0).any():
        raise ValueError(f"{name} reaches {float(values.max()):g}; values at or below 0 are needed")
    kept = deepest(values)
    area = Series(name=name, style="area", times=times[kept], values=values[kept], colour="bad")
    lowest = float(values.min(initial=0.0))
    form: Form = "hundredths" if lowest > -FLAT else "tenths" if lowest > -SHALLOW else "percent"
    return Chart(series=[area], height=240, form=form)


def bars(name: str, times: np.ndarray, values: np.ndarray, form: Form) -> Chart:
    """Return one bar a moment, green above zero and red below; `form` is how the axis writes numbers."""
    return Chart(
        series=[Series(name=name, style="bars", times=times, values=values, colour="good")], height=240, form=form
    )


def trades_on_candles(
    candles: CandleArray,
    timeframe: Timeframe,
    trades: Sequence[RoundTrip],
    brackets: Sequence[tuple[float | None, float | None]],
    most: int = MOST_CANDLES,
) -> Chart:
    """Return one market's candles with its entries, exits, stops and targets.

    Args:
        candles: (n, 6) decision candles of the run.
        timeframe: their length.
        trades: of this market.
        brackets: (stop price, target price) of each trade at its entry.
        most: candles shown; more are merged.
    """
    shown = coarser(candles, timeframe, most)
    times = shown[:, OPEN_MS].astype(np.int64)
    held = [_rows_held(times, trade) for trade in trades]
    series = [
        Series(name=_("price"), style="candles", times=times, values=shown[:, [OPEN, HIGH, LOW, CLOSE]], colour="grey"),
        _levels(_("stop"), times, held, [stop for stop, _take in brackets], "bad"),
        _levels(_("target"), times, held, [take for _stop, take in brackets], "good"),
    ]
    marks = [mark for trade in trades for mark in _marks(times, trade)]
    return Chart(series=series, marks=marks, unit=_("price"), height=480)


def candles_each(markets: int) -> int:
    """Return how many candles each of so many markets may show."""
    return max(FEWEST_CANDLES, min(MOST_CANDLES, OF_ALL_MARKETS // max(markets, 1)))


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
    """Return the candles, merged to 4h, 1d or as many days as it takes when there are more than `most`."""
    shown = candles
    for length in (Timeframe.H4.ms, Timeframe.D1.ms):
        if len(shown) > most and length > timeframe.ms:
            shown = _merged(candles, length)
    if len(shown) > most:
        shown = _merged(candles, Timeframe.D1.ms * -(-len(shown) // most))
    return shown


def _merged(candles: CandleArray, length_ms: int) -> CandleArray:
    open_ms = candles[:, OPEN_MS] // length_ms * length_ms
    starts = np.flatnonzero(np.diff(open_ms, prepend=-1.0))
    merged = candles[starts].copy()
    merged[:, OPEN_MS] = open_ms[starts]
    merged[:, HIGH] = np.maximum.reduceat(candles[:, HIGH], starts)
    merged[:, LOW] = np.minimum.reduceat(candles[:, LOW], starts)
    merged[:, CLOSE] = candles[np.append(starts[1:], len(candles)) - 1, CLOSE]
    return merged


def _rows_held(times: np.ndarray, trade: RoundTrip) -> slice:
    """Return the bars in which a trade was open, the last one where it still is."""
    first = max(0, int(np.searchsorted(times, trade.opened_ms, side="right")) - 1)
    if trade.closed_ms is None:
        return slice(first, len(times))
    return slice(first, max(first + 1, int(np.searchsorted(times, trade.closed_ms, side="right"))))


def _levels(
    name: str, times: np.ndarray, held: Sequence[slice], levels: Sequence[float | None], colour: Colour
) -> Series:
    """Return a level as one dot a bar, where a trade that has it was held."""
    values = np.full(len(times), np.nan)
    for rows, level in zip(held, levels, strict=True):
        if level is not None:
            values[rows] = level
    return Series(
        name=name, style="dots", times=times[np.isfinite(values)], values=values[np.isfinite(values)], colour=colour
    )


def _marks(times: np.ndarray, trade: RoundTrip) -> list[Mark]:
    """Return a trade's entry, by side, and its exit, by what came of it."""
    rows = _rows_held(times, trade)
    if not len(times):
        return []
    is_long = trade.side > 0
    found = [
        Mark(
            ms=int(times[rows.start]),
            above=not is_long,
            shape="arrowUp" if is_long else "arrowDown",
            colour="blue",
            text="L" if is_long else "S",
        )
    ]
    if trade.closed_ms is not None:
        won = trade.net > 0
        shape, colour = ("circle", "good") if won else ("square", "bad")
        last = int(times[min(rows.stop, len(times)) - 1])
        found.append(Mark(ms=last, above=is_long, shape=shape, colour=colour, text=f"{trade.net:+,.0f}"))  # type: ignore[arg-type]
    return found
