"""Every night, and at a start: are the stored candles what the exchange says they were? Every difference is named.

Compares the tape's bars, in ticks and lots, with REST. Reads and notes; applies nothing: the first accepted value stays
the truth of the ledger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import numpy as np
from sqlalchemy import Engine as Database

from bot.feed.candle import CandleNote, Values, values_of
from bot.feed.validate import fits
from storage.ledger import candle_notes, tape
from storage.ledger.accounts import Account
from storage.ledger.database import reading
from storage.ledger.market_changes import market_versions
from storage.ledger.monitor_findings import MonitorFinding
from strategies.errors import SigmaError
from strategies.market import DAY_MS, MINUTE_MS, OPEN_MS, CandleArray, Market, Timeframe

LATEST_MS: Final = 15 * MINUTE_MS  # before a start, that are compared again
NAMED: Final = 5  # differences that the sentence names; the notes have all
NONE: Final = -1  # stands for every number of a candle that cannot be reckoned with: each differs
FIELDS: Final = ("open", "high", "low", "close", "volume")
StoredBar = tuple[Market, np.ndarray]  # (5,) int64 ticks and lots of this market


class History(Protocol):
    """Where the exchange's own candles come from."""

    async def history(self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int) -> CandleArray: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One market's day.

    Attributes:
        symbol: canonical.
        candles: that both have.
        notes: one a difference.
        absent: minutes that the exchange has and the ledger has not.
        error: why the exchange could not be asked; empty: it was.
    """

    symbol: str
    candles: int
    notes: tuple[CandleNote, ...] = ()
    absent: int = 0
    error: str = ""


async def check_day(
    database: Database, account: Account, markets: Sequence[Market], source: History, day_ms: int
) -> MonitorFinding:
    """Compare the day that began at `day_ms`, and keep a note of every difference."""
    compared = await _compared(database, account, markets, source, (day_ms, day_ms + DAY_MS))
    return _finding(compared, [note for one in compared for note in one.notes], day_ms)


async def check_latest(
    database: Database, account: Account, markets: Sequence[Market], source: History, until_ms: int
) -> None:
    """Compare the last minutes before a start, likewise: what was changed about them was told to a daemon that is gone.

    A kill takes along what had been heard and was not kept yet, and while it is down it hears nothing.
    """
    await _compared(database, account, markets, source, (until_ms - LATEST_MS, until_ms))


async def _compared(
    database: Database, account: Account, markets: Sequence[Market], source: History, span_ms: tuple[int, int]
) -> list[Compared]:
    stored = await asyncio.to_thread(stored_bars, database, account, markets, *span_ms)
    compared = [await _compare(market.symbol, stored[index], source, span_ms) for index, market in enumerate(markets)]
    notes = [asdict(note) for one in compared for note in one.notes]
    await asyncio.to_thread(candle_notes.add, database, account, notes)
    return compared


class StoredBars:
    """The bars of a span in the ledger, dense: a day of 500 markets is 720,000 of them, too many to be objects.

    Each comes with the market as it was when the bar was written: in its ticks and lots it is to be read.
    """

    def __init__(self, start_ms: int, end_ms: int, count: int) -> None:
        shape = (-(-(end_ms - start_ms) // MINUTE_MS), count)
        self._start_ms = start_ms
        self._bars = np.zeros((*shape, len(FIELDS)), np.int64)
        self._markets = np.full(shape, None, object)  # as it was then; None: there is no bar

    def put(self, index: int, open_ms: int, market: Market, bar: np.ndarray) -> None:
        """Take a market's bar of a minute; what lies outside the span is passed over."""
        place = (open_ms - self._start_ms) // MINUTE_MS
        if 0 <= place < len(self._bars):
            self._bars[place, index], self._markets[place, index] = bar, market

    def __getitem__(self, index: int) -> dict[int, StoredBar]:
        """Return a market's bars by their open."""
        return {
            self._start_ms + place * MINUTE_MS: (market, self._bars[place, index])
            for place, market in enumerate(self._markets[:, index])
            if market is not None
        }


def stored_bars(
    database: Database, account: Account, markets: Sequence[Market], start_ms: int, end_ms: int
) -> StoredBars:
    """Return the bars of the markets in the ledger, late ones in their own minute."""
    versions = market_versions(database, account.id, markets)
    found = StoredBars(start_ms, end_ms, len(markets))
    with reading(database) as connection:
        for row in tape.rows(connection, account.id, start_ms - 1, end_ms + DAY_MS):
            minute = tape.decode(row)
            for late in (late for late in minute.late_bars if late.market < len(markets)):
                found.put(late.market, late.open_ms, versions.at(late.market, minute.open_ms), late.bar)
            if minute.open_ms < end_ms:
                for index in np.flatnonzero(minute.present[: len(markets)]).tolist():
                    found.put(index, minute.open_ms, versions.at(index, minute.open_ms), minute.bars[index])
    return found


async def _compare(symbol: str, stored: dict[int, StoredBar], source: History, span_ms: tuple[int, int]) -> Compared:
    if not stored:
        return Compared(symbol=symbol, candles=0)  # it was no member, or was absent all the while
    try:
        theirs = await source.history(symbol, Timeframe.M1, *span_ms)
    except SigmaError as error:
        return Compared(symbol=symbol, candles=0, error=str(error))
    first_ms = min(stored)
    notes, common, absent = [], 0, 0
    markets = {id(market): market for market, _ in stored.values()}
    grids = {name: _on_grid(market, theirs) for name, market in markets.items()}
    for place, open_ms in enumerate(theirs[:, OPEN_MS].astype(np.int64).tolist()):
        if open_ms not in stored:
            absent += open_ms >= first_ms
            continue
        common += 1
        market, ours = stored[open_ms]
        bar = grids[id(market)][place]
        if not np.array_equal(ours, bar):
            notes.append(_note(market, open_ms, ours, bar, values_of(theirs[place])))
    return Compared(symbol=symbol, candles=common, notes=tuple(notes), absent=absent)


def _on_grid(market: Market, candles: CandleArray) -> np.ndarray:
    """Return (n, 5) the bars of candles in a market's ticks and lots; `NONE` where they cannot be reckoned with."""
    is_whole = np.array([fits(market, values_of(row)) for row in candles], bool)
    bars = np.full((len(candles), len(FIELDS)), NONE, np.int64)
    bars[is_whole] = market.bars(candles[is_whole])
    return bars


def _note(market: Market, open_ms: int, ours: np.ndarray, theirs: np.ndarray, stated: Values) -> CandleNote:
    pair = [_values(market, ours), stated]
    differing = [
        f"{name} {pair[0][column]:,.8g}, the exchange {pair[1][column]:,.8g}"
        for column, name in enumerate(FIELDS)
        if ours[column] != theirs[column]
    ]
    return CandleNote(
        kind="differs",
        symbol=market.symbol,
        open_ms=open_ms,
        until_ms=open_ms + MINUTE_MS,
        text=f"stored {'; '.join(differing)}",
        stored=pair[0],
        other=pair[1],
    )


def _values(market: Market, bar: np.ndarray) -> tuple[float, float, float, float, float]:
    prices = market.price(bar[:4]).tolist()
    return (prices[0], prices[1], prices[2], prices[3], float(market.quantity(bar[4])))


def _finding(compared: Sequence[Compared], notes: Sequence[CandleNote], day_ms: int) -> MonitorFinding:
    candles, failed = sum(one.candles for one in compared), [one for one in compared if one.error]
    absent = {one.symbol: one.absent for one in compared if one.absent}
    day = f"{datetime.fromtimestamp(day_ms / 1000, UTC):%Y-%m-%d}"
    parts = [f"{day}: {candles:,} stored candles compared with the exchange, {len(notes):,} differ"]
    parts += [f"{note.symbol} {_clock(note.open_ms)} {note.text}" for note in notes[:NAMED]]
    if len(notes) > NAMED:
        parts.append(f"and {len(notes) - NAMED:,} more (sigma data notes)")
    if absent:
        parts.append("absent here: " + ", ".join(f"{symbol} {count:,}" for symbol, count in absent.items()))
    if failed:
        parts.append(f"not compared: {', '.join(one.symbol for one in failed)} ({failed[0].error})")
    document: dict[str, Any] = {
        "compared": candles,
        "differing": [asdict(note) for note in notes],
        "absent": absent,
        "failed": {one.symbol: one.error for one in failed},
    }
    passed = not notes and not failed
    return MonitorFinding(kind="candles", ms=day_ms, passed=passed, sentence="; ".join(parts), document=document)


def _clock(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%H:%M}"
