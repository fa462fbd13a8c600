"""Minutes that an exchange no longer keeps, made of coarser candles or of trades, so that exits are settled.

Kraken, for one, keeps 720 rows of every timeframe: 12 hours of minutes, but 60 of five minutes. A coarser candle stands
in its first minute with its whole range; the other minutes of it are absent. Stops and targets are found by the range,
the stop first where both lie in it, as in any bar. Where there are no coarser candles, but trades that go back so far,
the minutes are added up of these.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from bot.feed.candle import CandleNote, ClosedCandle, Values
from bot.feed.rest import Rest
from strategies.errors import SigmaError
from strategies.market import MINUTE_MS, Timeframe

COARSER: Final = (Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.H4)
ATTEMPTS: Final = 3
MOST_PAGES: Final = 50
TRADES: Final = 1000  # asked for at once
QUIET_MS: Final = 30 * MINUTE_MS  # a first trade later than that is none of the time that was asked for


async def rebuilt(rest: Rest, symbol: str, start_ms: int, until_ms: int) -> tuple[list[ClosedCandle], CandleNote]:
    """Return candles made for [start, until), ascending, and the sentence that tells of it."""
    span = f"{_utc(start_ms)} to {_utc(until_ms)}"
    for timeframe in COARSER:
        if timeframe.value not in (rest.client.timeframes or {}):
            continue
        found = await _whole_range(rest, symbol, timeframe, start_ms, until_ms)
        if found:
            text = (
                f"{span}: the exchange no longer has these minutes; {len(found)} candles of {timeframe.value} "
                "stand in for them, the rest is absent"
            )
            note = CandleNote(kind="rebuilt", symbol=symbol, open_ms=start_ms, until_ms=until_ms, text=text)
            return found, note
    found = await _of_trades(rest, symbol, start_ms, until_ms)
    if found:
        text = f"{span}: the exchange no longer has these minutes; {len(found)} of them are added up of its trades"
        return found, CandleNote(kind="rebuilt", symbol=symbol, open_ms=start_ms, until_ms=until_ms, text=text)
    text = f"{span}: the exchange has no candles of these minutes, no coarser ones and no trades; they are absent"
    return [], CandleNote(kind="given_up", symbol=symbol, open_ms=start_ms, until_ms=until_ms, text=text)


async def _whole_range(
    rest: Rest, symbol: str, timeframe: Timeframe, start_ms: int, until_ms: int
) -> list[ClosedCandle]:
    """Return the candles that lie wholly in the range when the exchange has the first of them; else none."""
    first_ms = -(-start_ms // timeframe.ms) * timeframe.ms
    end_ms = until_ms // timeframe.ms * timeframe.ms
    found: list[ClosedCandle] = []
    next_ms = first_ms
    for _ in range(MOST_PAGES):
        if next_ms >= end_ms:
            break
        try:
            page = await rest.candles(symbol, timeframe, next_ms, end_ms, attempts=ATTEMPTS)
        except SigmaError:
            break
        if not page.candles or (not found and page.candles[0].open_ms > first_ms):
            break
        found += page.candles
        next_ms = page.candles[-1].open_ms + timeframe.ms
    return found


async def _of_trades(rest: Rest, symbol: str, start_ms: int, until_ms: int) -> list[ClosedCandle]:
    """Return the minutes of [start, until) that saw a trade; none where the exchange's trades do not go back so far."""
    if not rest.client.has.get("fetchTrades"):
        return []
    minutes: dict[int, Values] = {}
    seen: set[tuple[int, float, float, str]] = set()
    next_ms = start_ms
    for _ in range(MOST_PAGES):
        try:
            trades = await rest.trades(symbol, next_ms, TRADES, attempts=ATTEMPTS)
        except SigmaError:
            return []
        fresh = [trade for trade in trades if trade not in seen and trade[0] >= next_ms]
        if not minutes and (not fresh or fresh[0][0] > start_ms + QUIET_MS):
            return []
        for trade in fresh:
            if trade[0] < until_ms:
                minutes[trade[0] // MINUTE_MS * MINUTE_MS] = _added(
                    minutes.get(trade[0] // MINUTE_MS * MINUTE_MS), trade
                )
        if not fresh or fresh[-1][0] >= until_ms:
            return [
                ClosedCandle(symbol=symbol, open_ms=open_ms, values=minutes[open_ms]) for open_ms in sorted(minutes)
            ]
        next_ms, seen = fresh[-1][0], set(fresh)
    return []


def _added(candle: Values | None, trade: tuple[int, float, float, str]) -> Values:
    _, price, amount, _ = trade
    if candle is None:
        return (price, price, price, price, amount)
    opening, high, low, _, volume = candle
    return (opening, max(high, price), min(low, price), price, volume + amount)


def _utc(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M}"
