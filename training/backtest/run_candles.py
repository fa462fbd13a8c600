"""Run candles: execution bars of all markets on one grid, and the decision candles they complete.

The decision candles inside the run are made of the execution bars, in ticks and lots, exactly as the live engine
makes them of minutes; before the run they are the stored ones, as at a live start. Knows nothing of models or orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from storage.candles.price_grid import require_fit
from storage.candles.resampled import read_any, span_of_any
from storage.candles.store import CandleStore, Source, Span
from strategies.bundle.warm_up import WARM_UP_DECISIONS
from strategies.errors import BadInput, DataGap
from strategies.features.blocks import HISTORY_BARS
from strategies.kernel.books import Bars
from strategies.kernel.state import NO_RATE
from strategies.market import OPEN_MS, CandleArray, Market, Timeframe
from strategies.resample import coarser_bars
from strategies.universe.members import Members
from training.backtest.coverage import coverage_notes, moment
from training.backtest.funding_bars import settled_on_bars
from training.backtest.roster import Life, Roster, roster_of, warm_up_bars

__all__ = [
    "HISTORY_DECISIONS",
    "RunCandles",
    "assemble",
    "covered",
    "finest_candles",
    "moment",
    "read_run",
]

EXECUTION_TIMEFRAMES = (Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.H4, Timeframe.D1)
MOST_MISSING = 0.005  # share of execution bars; exchanges do pause, and those bars are absent in the run
HISTORY_DECISIONS = HISTORY_BARS + WARM_UP_DECISIONS  # before the first decision: warm-up of blocks, then of smoothing


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCandles:
    """Candles of one run. M markets in the account's fixed order, n bars on a grid without gaps.

    Attributes:
        markets: the account's markets.
        timeframe: of the decisions.
        bar: the execution timeframe.
        open_ms: (n,) int64, one `bar` apart.
        bars: (n, M, 5) int64: open, high, low, close in ticks, volume in lots; zeros where absent.
        present: (n, M) bool.
        funding_e8: (n, M) int64: the rate that settles at the bar's open, or NO_RATE.
        decision_candles: per market (k, 6) float64, ascending: stored ones before the run, then those of the run.
        roster: which markets belong to the run when; None: all of them all the time.
        notes: what people must know about the candles, a sentence each.
    """

    markets: tuple[Market, ...]
    timeframe: Timeframe
    bar: Timeframe
    open_ms: np.ndarray
    bars: np.ndarray
    present: np.ndarray
    funding_e8: np.ndarray
    decision_candles: tuple[CandleArray, ...]
    roster: Roster | None = None
    notes: tuple[str, ...] = ()

    def stretch(self, rows: np.ndarray, part: slice = slice(None)) -> Bars:
        """Return the bars of `part` as the kernel's loop reads them, with (n,) decision rows of their own."""
        return Bars(self.open_ms[part], self.bars[part], self.present[part], self.funding_e8[part], rows)

    @property
    def start_ms(self) -> int:
        return int(self.open_ms[0])

    @property
    def end_ms(self) -> int:
        """Close of the last bar."""
        return int(self.open_ms[-1]) + self.bar.ms


def read_run(
    store: CandleStore,
    markets: Sequence[Market],
    timeframe: Timeframe,
    start_ms: int,
    end_ms: int,
    *,
    universe: Members | None = None,
) -> RunCandles:
    """Read a run from the store, on the finest timeframe that covers the life of every market in it.

    Markets need not be there all the time: each enters when its warm-up is full and leaves when its candles end. What
    is missing besides is said in the notes.

    Args:
        store: where candles are; a timeframe that is not stored is made of finer ones.
        markets: whoever may take part, in the account's order.
        timeframe: of the decisions.
        start_ms, end_ms: of the run, on the decision grid.
        universe: who was selected when; None: all markets.

    Raises:
        BadInput: start or end is off the decision grid, or the run is empty.
        DataGap: no market has candles up to the end of the run; the message says what is stored.
    """
    if start_ms % timeframe.ms or end_ms % timeframe.ms or end_ms <= start_ms:
        raise BadInput(f"a run from {moment(start_ms)} to {moment(end_ms)} is empty or off the {timeframe.value} grid")
    first_ms = start_ms - HISTORY_DECISIONS * timeframe.ms
    stored = [_traded(store, market, timeframe, first_ms, end_ms) for market in markets]
    during = [_between(part, start_ms, end_ms) for part in stored]
    spans = [span_of_any(store, market, timeframe) for market in markets]
    reaches = any(int(span.last_ms or 0) + timeframe.ms >= end_ms for span in spans)
    if not reaches or not any(len(part) for part in during):
        raise _nothing_there(store, markets, timeframe, start_ms, end_ms)
    bar, execution = finest_candles(store, markets, timeframe, during)
    funding = [_funding(store, market, start_ms, end_ms) for market in markets]
    lives = [_life(*parts, timeframe, end_ms) for parts in zip(markets, spans, stored, strict=True)]
    roster = roster_of(lives, start_ms, end_ms, timeframe.ms, universe)
    run = assemble(markets, timeframe, bar, start_ms, end_ms, execution, stored, funding)
    notes = coverage_notes(lives, during, timeframe, start_ms, end_ms, MOST_MISSING)
    return replace(run, roster=roster, notes=notes)


def finest_candles(
    store: CandleStore, markets: Sequence[Market], timeframe: Timeframe, during: Sequence[CandleArray]
) -> tuple[Timeframe, list[CandleArray]]:
    """Return the finest stored timeframe, at most `timeframe`, that covers every market's own life in a run.

    Covered: from the first to the last decision candle, all but `MOST_MISSING` of the bars between are there.

    Args:
        during: per market the decision candles of the run; a market may have none.

    Returns:
        The timeframe, and its candles per market.
    """
    for bar in EXECUTION_TIMEFRAMES[: EXECUTION_TIMEFRAMES.index(timeframe)]:
        ratio = timeframe.ms // bar.ms
        if not all(_spans(store, market, bar, timeframe, part) for market, part in zip(markets, during, strict=True)):
            continue
        found = [
            _traded(store, market, bar, int(part[0, OPEN_MS]), int(part[-1, OPEN_MS]) + timeframe.ms)
            if len(part)
            else part
            for market, part in zip(markets, during, strict=True)
        ]
        enough = [(1.0 - MOST_MISSING) * len(part) * ratio for part in during]
        if all(len(candles) >= needed for candles, needed in zip(found, enough, strict=True)):
            return bar, found
    return timeframe, list(during)


def _life(market: Market, span: Span, stored: CandleArray, timeframe: Timeframe, end_ms: int) -> Life:
    if not span.rows or int(span.first_ms or 0) >= end_ms:
        return Life(symbol=market.symbol, first_ms=end_ms, enters_ms=end_ms)
    first_ms = int(span.first_ms or 0)
    last_ms = int(stored[-1, OPEN_MS]) + timeframe.ms if len(stored) else int(span.last_ms or 0) + timeframe.ms
    ended = last_ms < end_ms and int(span.last_ms or 0) + timeframe.ms <= last_ms
    enters_ms = first_ms + warm_up_bars(timeframe) * timeframe.ms
    return Life(symbol=market.symbol, first_ms=first_ms, enters_ms=enters_ms, ends_ms=last_ms if ended else None)


def _nothing_there(
    store: CandleStore, markets: Sequence[Market], timeframe: Timeframe, start_ms: int, end_ms: int
) -> DataGap:
    lines = [f"{market.symbol} {_stored(store, market, timeframe)}" for market in markets]
    more = f" and {len(lines) - 10} more" if len(lines) > 10 else ""
    return DataGap(
        f"no candles of {timeframe.value} or finer cover {moment(start_ms)} to {moment(end_ms)} for any market; "
        f"stored at {timeframe.value}: {', '.join(lines[:10])}{more}"
    )


def assemble(
    markets: Sequence[Market],
    timeframe: Timeframe,
    bar: Timeframe,
    start_ms: int,
    end_ms: int,
    execution: Sequence[CandleArray],
    histories: Sequence[CandleArray],
    funding: Sequence[tuple[np.ndarray, np.ndarray]],
) -> RunCandles:
    """Put candles of several markets on one grid.

    Args:
        markets: the account's markets in their fixed order.
        timeframe: of the decisions.
        bar: of the execution candles.
        start_ms: first bar of the run.
        end_ms: close of its last bar.
        execution: per market (n, 6) candles of `bar`; those outside the run are left out.
        histories: per market (k, 6) decision candles; those from `start_ms` on are used only when `bar` is the
            decision timeframe and then are the execution candles anyway.
        funding: per market settlement times (f,) int64 ms and rates (f,) int64 x 1e8.
    """
    open_ms = np.arange(start_ms, end_ms, bar.ms, dtype=np.int64)
    shape = (len(open_ms), len(markets))
    bars, present = np.zeros((*shape, 5), np.int64), np.zeros(shape, bool)
    funding_e8 = np.full(shape, NO_RATE, np.int64)
    decisions = []
    for index, market in enumerate(markets):
        candles = _between(execution[index], start_ms, end_ms)
        rows = (candles[:, OPEN_MS].astype(np.int64) - start_ms) // bar.ms
        require_fit(market, candles)
        bars[rows, index], present[rows, index] = market.bars(candles), True
        times, rates = funding[index]
        inside = (times >= start_ms) & (times < end_ms)
        funding_e8[:, index] = settled_on_bars((times[inside] - start_ms) // bar.ms, rates[inside], present[:, index])
        made = candles if bar is timeframe else _made(market, timeframe, bar, open_ms[rows], bars[rows, index])
        before = _between(histories[index], 0, start_ms)
        decisions.append(np.concatenate([before, made]))
    return RunCandles(
        markets=tuple(markets),
        timeframe=timeframe,
        bar=bar,
        open_ms=open_ms,
        bars=bars,
        present=present,
        funding_e8=funding_e8,
        decision_candles=tuple(decisions),
    )


def covered(store: CandleStore, markets: Sequence[Market], timeframe: Timeframe) -> tuple[int, int]:
    """Return the first open and the last close of the stored decision candles of any of the markets.

    Raises:
        DataGap: none has any.
    """
    spans = [span_of_any(store, market, timeframe) for market in markets]
    known = [part for part in spans if part.first_ms is not None]
    if not known:
        named = ", ".join(market.id for market in markets[:10])
        raise DataGap(f"no {timeframe.value} candles of {named} are stored; sigma data download brings them")
    last_ms = max(int(part.last_ms or 0) for part in known)
    return min(int(part.first_ms or 0) for part in known), last_ms + timeframe.ms


def _made(market: Market, timeframe: Timeframe, bar: Timeframe, open_ms: np.ndarray, bars: np.ndarray) -> CandleArray:
    """Return the decision candles of (r,) present bars; one is whole with its last bar, or when a later one exists."""
    candle_ms, made, _ = coarser_bars(open_ms, bars, bar, timeframe)
    return market.candles(candle_ms, made)


def _between(candles: CandleArray, start_ms: int, end_ms: int) -> CandleArray:
    low, high = np.searchsorted(candles[:, OPEN_MS], (start_ms, end_ms))
    return candles[low:high]


def _traded(store: CandleStore, market: Market, timeframe: Timeframe, start_ms: int, end_ms: int) -> CandleArray:
    """Return the stored candles of a range, without the stitched spot ones: those are for training only."""
    stored = read_any(store, market, timeframe, start_ms, end_ms)
    found: CandleArray = stored.candles[stored.source != Source.STITCHED_SPOT]
    return found


def _funding(store: CandleStore, market: Market, start_ms: int, end_ms: int) -> tuple[np.ndarray, np.ndarray]:
    if market.kind != "futures":
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    stored = store.read_funding(market.exchange, market.symbol, start_ms, end_ms)
    return stored.times_ms, stored.rates_e8


def _spans(store: CandleStore, market: Market, bar: Timeframe, timeframe: Timeframe, during: CandleArray) -> bool:
    """Tell whether finer candles reach from the first to the last decision candle of a market's run."""
    if not len(during):
        return True
    span = span_of_any(store, market, bar)
    if span.first_ms is None or span.last_ms is None:
        return False
    found: bool = span.first_ms <= during[0, OPEN_MS] and span.last_ms + bar.ms >= during[-1, OPEN_MS] + timeframe.ms
    return found


def _stored(store: CandleStore, market: Market, timeframe: Timeframe) -> str:
    span = span_of_any(store, market, timeframe)
    if span.first_ms is None or span.last_ms is None:
        return "nothing"
    return f"{moment(span.first_ms)} to {moment(span.last_ms + timeframe.ms)}"
