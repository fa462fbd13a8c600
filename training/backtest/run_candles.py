"""What a backtest runs over: execution bars of all markets on one grid, and the decision candles they complete.

The decision candles inside the run are made of the execution bars, in ticks and lots, exactly as the live engine
makes them of minutes; before the run they are the stored ones, as at a live start. Knows nothing of models or orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from storage.candles.store import CandleStore, Source
from strategies.bundle.warm_up import WARM_UP_DECISIONS
from strategies.errors import BadInput, DataGap
from strategies.features.blocks import HISTORY_BARS
from strategies.kernel.state import NO_RATE
from strategies.market import OPEN_MS, CandleArray, Market, Timeframe

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
    """

    markets: tuple[Market, ...]
    timeframe: Timeframe
    bar: Timeframe
    open_ms: np.ndarray
    bars: np.ndarray
    present: np.ndarray
    funding_e8: np.ndarray
    decision_candles: tuple[CandleArray, ...]

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
) -> RunCandles:
    """Read a run from the store, on the finest timeframe that covers all of it for every market.

    Raises:
        BadInput: start or end is off the decision grid, or the run is empty.
        DataGap: no stored timeframe covers the run; the message says what is stored.
    """
    if start_ms % timeframe.ms or end_ms % timeframe.ms or end_ms <= start_ms:
        raise BadInput(f"a run from {moment(start_ms)} to {moment(end_ms)} is empty or off the {timeframe.value} grid")
    bar, execution = finest_candles(store, markets, timeframe, start_ms, end_ms)
    first_ms = start_ms - HISTORY_DECISIONS * timeframe.ms
    histories = [_traded(store, market, timeframe, first_ms, start_ms) for market in markets]
    funding = [_funding(store, market, start_ms, end_ms) for market in markets]
    return assemble(markets, timeframe, bar, start_ms, end_ms, execution, histories, funding)


def finest_candles(
    store: CandleStore, markets: Sequence[Market], timeframe: Timeframe, start_ms: int, end_ms: int
) -> tuple[Timeframe, list[CandleArray]]:
    """Return the finest stored timeframe, at most `timeframe`, that covers the run for every market, and its candles.

    Covered: the first and the last bar are there, and all but `MOST_MISSING` of those between.

    Raises:
        DataGap: none does.
    """
    for bar in EXECUTION_TIMEFRAMES[: EXECUTION_TIMEFRAMES.index(timeframe) + 1]:
        if not all(_spans(store, market, bar, start_ms, end_ms) for market in markets):
            continue
        found = [_traded(store, market, bar, start_ms, end_ms) for market in markets]
        needed = (1.0 - MOST_MISSING) * (end_ms - start_ms) / bar.ms
        if all(len(candles) >= needed for candles in found):
            return bar, found
    lines = [f"{market.symbol} {_stored(store, market, timeframe)}" for market in markets]
    raise DataGap(
        f"no candles of {timeframe.value} or finer cover {moment(start_ms)} to {moment(end_ms)} for all markets; "
        f"stored at {timeframe.value}: {', '.join(lines)}"
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
        bars[rows, index], present[rows, index] = market.bars(candles), True
        times, rates = funding[index]
        inside = (times >= start_ms) & (times < end_ms)
        funding_e8[(times[inside] - start_ms) // bar.ms, index] = rates[inside]
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
    """Return the first open and the last close of the stored decision candles that all markets have.

    Raises:
        DataGap: a market has none, or they do not overlap.
    """
    spans = [store.coverage(market.exchange, market.symbol, timeframe, market.kind) for market in markets]
    for market, found in zip(markets, spans, strict=True):
        if found.first_ms is None:
            raise DataGap(f"no {timeframe.value} candles of {market.id} are stored; sigma data download brings them")
    first_ms = max(int(found.first_ms or 0) for found in spans)
    last_ms = min(int(found.last_ms or 0) for found in spans) + timeframe.ms
    if first_ms >= last_ms:
        raise DataGap(f"the stored {timeframe.value} candles of the markets do not overlap")
    return first_ms, last_ms


def moment(ms: int) -> str:
    """Return a time as "2024-07-01 00:00"."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _made(market: Market, timeframe: Timeframe, bar: Timeframe, open_ms: np.ndarray, bars: np.ndarray) -> CandleArray:
    """Return the decision candles of (r,) present bars; one is whole with its last bar, or when a later one exists."""
    candle_ms = open_ms - open_ms % timeframe.ms
    if not len(open_ms):
        return np.empty((0, 6), np.float64)
    starts = np.flatnonzero(np.diff(candle_ms, prepend=-1))
    made = np.empty((len(starts), 5), np.int64)
    made[:, 0] = bars[starts, 0]
    made[:, 1] = np.maximum.reduceat(bars[:, 1], starts)
    made[:, 2] = np.minimum.reduceat(bars[:, 2], starts)
    made[:, 3] = bars[np.append(starts[1:], len(bars)) - 1, 3]
    made[:, 4] = np.add.reduceat(bars[:, 4], starts)
    is_filling = open_ms[-1] + bar.ms < candle_ms[-1] + timeframe.ms
    complete = slice(None, -1 if is_filling else None)
    return market.candles(candle_ms[starts][complete], made[complete])


def _between(candles: CandleArray, start_ms: int, end_ms: int) -> CandleArray:
    low, high = np.searchsorted(candles[:, OPEN_MS], (start_ms, end_ms))
    return candles[low:high]


def _traded(store: CandleStore, market: Market, timeframe: Timeframe, start_ms: int, end_ms: int) -> CandleArray:
    """Return the stored candles of a range, without the stitched spot ones: those are for training only."""
    stored = store.read(market.exchange, market.symbol, timeframe, market.kind, start_ms, end_ms)
    return stored.candles[stored.source != Source.STITCHED_SPOT]


def _funding(store: CandleStore, market: Market, start_ms: int, end_ms: int) -> tuple[np.ndarray, np.ndarray]:
    if market.kind != "futures":
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    stored = store.read_funding(market.exchange, market.symbol, start_ms, end_ms)
    return stored.times_ms, stored.rates_e8


def _spans(store: CandleStore, market: Market, timeframe: Timeframe, start_ms: int, end_ms: int) -> bool:
    span = store.coverage(market.exchange, market.symbol, timeframe, market.kind)
    if span.first_ms is None or span.last_ms is None:
        return False
    return span.first_ms <= start_ms and span.last_ms + timeframe.ms >= end_ms


def _stored(store: CandleStore, market: Market, timeframe: Timeframe) -> str:
    span = store.coverage(market.exchange, market.symbol, timeframe, market.kind)
    if span.first_ms is None or span.last_ms is None:
        return "nothing"
    return f"{moment(span.first_ms)} to {moment(span.last_ms + timeframe.ms)}"
