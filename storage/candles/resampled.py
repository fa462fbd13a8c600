"""Candles of any timeframe: the stored ones, and where there are none, made of the finest that are stored.

A market of which only minutes are stored has every coarser timeframe, to the bit as the live engine would have made
it. What is stored at the timeframe itself always goes first.
"""

from __future__ import annotations

import numpy as np

from storage.candles.market_book import Kind, inferred_market, recorded_markets
from storage.candles.rows import StoredCandles
from storage.candles.store import CandleStore, Span
from strategies.errors import DataGap
from strategies.market import Market, Timeframe
from strategies.resample import resample

FINER = tuple(sorted(Timeframe, key=lambda part: part.ms))


def market_in_store(store: CandleStore, exchange: str, symbol: str, kind: Kind) -> tuple[Market, bool]:
    """Return a market's specification and whether it is recorded; else it is inferred from its finest candles.

    Raises:
        DataGap: there is neither.
    """
    for market in recorded_markets(store.root, exchange, kind):
        if market.symbol == symbol:
            return market, True
    stored = next(
        (found for part in FINER if len(found := store.read(exchange, symbol, part, kind))),
        StoredCandles(candles=np.empty((0, 6)), source=np.empty(0, np.uint8)),
    )
    return inferred_market(exchange, symbol, kind, stored.candles), False


def finest_stored(store: CandleStore, market: Market, timeframe: Timeframe) -> Timeframe | None:
    """Return the finest stored timeframe from which candles of `timeframe` can be made; None: there is none."""
    finer = FINER[: FINER.index(timeframe)]
    return next(
        (part for part in finer if store.coverage(market.exchange, market.symbol, part, market.kind).rows), None
    )


def read_any(
    store: CandleStore, market: Market, timeframe: Timeframe, start_ms: int | None = None, end_ms: int | None = None
) -> StoredCandles:
    """Return the candles with start_ms <= open_ms < end_ms, those not stored made of finer ones.

    A made candle has the worst provenance of its parts.

    Raises:
        StorageFailed: a file is damaged.
    """
    stored = store.read(market.exchange, market.symbol, timeframe, market.kind, start_ms, end_ms)
    fine = finest_stored(store, market, timeframe)
    if fine is None:
        return stored
    parts = store.read(market.exchange, market.symbol, fine, market.kind, start_ms, end_ms)
    candles, starts = resample(market, parts.candles, fine, timeframe)
    if not len(candles):
        return stored
    made = StoredCandles(candles=candles, source=np.maximum.reduceat(parts.source, starts))
    if not len(stored):
        return made
    fresh = ~np.isin(made.open_ms, stored.open_ms)
    order = np.argsort(np.r_[stored.open_ms, made.open_ms[fresh]], kind="stable")
    return StoredCandles(
        candles=np.concatenate([stored.candles, made.candles[fresh]])[order],
        source=np.concatenate([stored.source, made.source[fresh]])[order],
    )


def read_symbol(
    store: CandleStore, exchange: str, symbol: str, timeframe: Timeframe, kind: str, end_ms: int | None = None
) -> StoredCandles:
    """Return the candles of a symbol as `read_any` does; none where nothing is stored of it."""
    stored = store.read(exchange, symbol, timeframe, kind, end_ms=end_ms)
    if len(stored):
        return stored
    try:
        market, _ = market_in_store(store, exchange, symbol, "spot" if kind == "spot" else "futures")
    except DataGap:
        return stored
    return read_any(store, market, timeframe, end_ms=end_ms)


def span_of_any(store: CandleStore, market: Market, timeframe: Timeframe) -> Span:
    """Return rows and limits of what `read_any` would give; the rows of made ones are an upper bound."""
    spans = [store.coverage(market.exchange, market.symbol, timeframe, market.kind)]
    fine = finest_stored(store, market, timeframe)
    if fine is not None:
        found = store.coverage(market.exchange, market.symbol, fine, market.kind)
        first = -(-int(found.first_ms or 0) // timeframe.ms) * timeframe.ms
        last = (int(found.last_ms or 0) + fine.ms) // timeframe.ms * timeframe.ms - timeframe.ms
        if last >= first:
            spans.append(Span(rows=(last - first) // timeframe.ms + 1, first_ms=first, last_ms=last))
    known = [part for part in spans if part.rows]
    if not known:
        return Span(rows=0, first_ms=None, last_ms=None)
    return Span(
        rows=max(part.rows for part in known),
        first_ms=min(int(part.first_ms or 0) for part in known),
        last_ms=max(int(part.last_ms or 0) for part in known),
    )
