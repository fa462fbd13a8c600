"""Candles of any timeframe: coarser ones from the decision candles, finer ones from the account's own minutes."""

from __future__ import annotations

from typing import Final

import numpy as np

from bot.trading.control import Control
from bot.trading.snapshot import LiveCandle
from bot.values.view import View
from storage.ledger.minute_candles import minute_candles
from strategies.market import CLOSE, HIGH, LOW, MINUTE_MS, OPEN, OPEN_MS, VOLUME, CandleArray, Timeframe

MOST_MINUTES: Final = 30_000  # read from the tape for one answer


class Candle(View):
    """A closed candle. Prices in quote, volume in base."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float


def candles_of(
    control: Control, symbol: str, timeframe: Timeframe, since_ms: int, until_ms: int | None, limit: int
) -> CandleArray:
    """Return the newest candles of a market that opened in [since_ms, until_ms), (n, 6), ascending; the last may fill.

    Candles finer than the account's decision timeframe begin with the account. Asks the database: run it in a thread.
    """
    own = control.ledger.account.timeframe
    if timeframe.ms < own.ms:
        return _from_minutes(control, symbol, timeframe, since_ms, until_ms, limit)
    ratio = timeframe.ms // own.ms
    since_ms = since_ms if since_ms <= 0 else timeframe.open_of(since_ms + timeframe.ms - 1)
    found = control.ledger.candles(symbol, since_ms, until_ms, limit * ratio + ratio)
    return found[-limit:] if ratio == 1 else merged(found, timeframe)[-limit:]


def merged(candles: CandleArray, timeframe: Timeframe) -> CandleArray:
    """Return (n, 6) candles of a coarser timeframe; a stretch that is not complete yet gives its candle so far."""
    if not len(candles):
        return candles
    opens = candles[:, OPEN_MS] - candles[:, OPEN_MS] % timeframe.ms
    starts = np.flatnonzero(np.r_[True, np.diff(opens) > 0])
    ends = np.r_[starts[1:], len(candles)] - 1
    found = np.empty((len(starts), 6))
    found[:, OPEN_MS], found[:, OPEN], found[:, CLOSE] = opens[starts], candles[starts, OPEN], candles[ends, CLOSE]
    found[:, HIGH] = np.maximum.reduceat(candles[:, HIGH], starts)
    found[:, LOW] = np.minimum.reduceat(candles[:, LOW], starts)
    found[:, VOLUME] = np.add.reduceat(candles[:, VOLUME], starts)
    return found


def split_filling(
    control: Control, symbol: str, timeframe: Timeframe, candles: CandleArray
) -> tuple[CandleArray, LiveCandle | None]:
    """Return the closed candles, and the one that fills as of the last account minute."""
    snapshot = control.snapshot
    if snapshot is None:
        return candles, None
    now_ms, own = snapshot.minute_ms + MINUTE_MS, control.ledger.account.timeframe
    live = next((part for part in snapshot.candles if part.symbol == symbol and not part.is_closed), None)
    if live is not None and timeframe.ms >= own.ms:
        row = [[live.open_ms, live.open, live.high, live.low, live.close, live.volume]]
        candles = merged(np.vstack([candles[candles[:, OPEN_MS] < live.open_ms], np.array(row)]), timeframe)
    if not len(candles) or candles[-1, OPEN_MS] + timeframe.ms <= now_ms:
        return candles, None
    opened, high, low, close, volume = (float(value) for value in candles[-1, 1:])
    return candles[:-1], LiveCandle(
        symbol=symbol,
        open_ms=int(candles[-1, OPEN_MS]),
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=volume,
        is_closed=False,
    )


def _from_minutes(
    control: Control, symbol: str, timeframe: Timeframe, since_ms: int, until_ms: int | None, limit: int
) -> CandleArray:
    snapshot, market = control.snapshot, control.markets[control.market_index(symbol)]
    now_ms = control.ledger.account.start_ms if snapshot is None else snapshot.minute_ms + MINUTE_MS
    end_ms = now_ms if until_ms is None else min(until_ms, now_ms)
    most = min(limit, MOST_MINUTES * MINUTE_MS // timeframe.ms)
    begin_ms = max(since_ms, timeframe.open_of(end_ms - 1) - (most - 1) * timeframe.ms, 0)
    return merged(minute_candles(control.ledger, market, begin_ms, end_ms), timeframe)[-limit:]
