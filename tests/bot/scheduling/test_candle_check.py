"""Every night: stored candles beside the exchange's, every difference named and kept over a restart."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine as Database

from bot.feed.candle import CandleNote
from bot.scheduling.candle_check import LATEST_MS, check_day, check_latest, stored_bars
from storage.ledger import candle_notes
from storage.ledger.accounts import Account
from storage.ledger.database import connect
from strategies.market import DAY_MS, MINUTE_MS, CandleArray, Timeframe
from tests.bot.trading.daemon_world import daemon_world
from tests.bot.trading.world import MARKETS, minutes
from tests.builders import START_MS

DAY_START_MS = START_MS // DAY_MS * DAY_MS


class Exchange:
    """Has what the ledger has, but for one candle that it changed and one that the ledger never got."""

    def __init__(self, bars: list[dict[int, np.ndarray]], *, changed_ms: int | None, wild: float = 0.0) -> None:
        self._bars, self._changed_ms, self._wild = bars, changed_ms, wild

    async def history(self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int) -> CandleArray:
        index = next(number for number, market in enumerate(MARKETS) if market.symbol == symbol)
        market, stored = MARKETS[index], self._bars[index]
        times = np.array(sorted(stored), np.int64)
        bars = np.array([stored[time] for time in times.tolist()])
        if index == 0 and self._changed_ms is not None:
            bars[times == self._changed_ms, 3] += 1
        candles = market.candles(times, bars)
        if index == 0 and self._wild:
            candles[times == self._changed_ms, 2] = self._wild
        return candles


def bars_of(database: Database, account: Account) -> list[dict[int, np.ndarray]]:
    """Return the bars of the day, whose grid did not change."""
    stored = stored_bars(database, account, MARKETS, DAY_START_MS, DAY_START_MS + DAY_MS)
    return [{open_ms: bar for open_ms, (_, bar) in part.items()} for part in stored]


@pytest.fixture
async def ledger(tmp_path: Path):
    """Return a database with a hundred account minutes."""
    async with daemon_world(tmp_path) as world:
        for minute in minutes(100):
            await world.hand(minute)
        account = world.control.ledger.account
    database = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield database, account
    database.dispose()


async def test_equal_candles_pass(ledger: tuple[Database, Account]) -> None:
    database, account = ledger
    bars = bars_of(database, account)
    found = await check_day(database, account, MARKETS, Exchange(bars, changed_ms=None), DAY_START_MS)
    assert found.passed
    assert found.document["compared"] == sum(len(market) for market in bars) > 0
    assert "0 differ" in found.sentence


async def test_a_difference_is_named_and_survives(ledger: tuple[Database, Account], tmp_path: Path) -> None:
    database, account = ledger
    bars = bars_of(database, account)
    changed_ms = sorted(bars[0])[7]
    exchange = Exchange(bars, changed_ms=changed_ms)
    for _ in range(2):  # a night that is made up for says nothing twice
        found = await check_day(database, account, MARKETS, exchange, DAY_START_MS)
    assert not found.passed
    assert MARKETS[0].symbol in found.sentence
    assert "close" in found.sentence
    again = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    (note,) = candle_notes.read(again, account)
    again.dispose()
    assert (note["kind"], note["symbol"], note["open_ms"]) == ("differs", MARKETS[0].symbol, changed_ms)


async def test_what_was_changed_shortly_before_a_start_is_found_by_it(ledger: tuple[Database, Account]) -> None:
    database, account = ledger
    bars = bars_of(database, account)
    until_ms = max(bars[0]) + MINUTE_MS
    for changed_ms in (until_ms - LATEST_MS - MINUTE_MS, until_ms - LATEST_MS, until_ms - MINUTE_MS):
        await check_latest(database, account, MARKETS, Exchange(bars, changed_ms=changed_ms), until_ms)
    found = candle_notes.read(database, account)
    assert [note["open_ms"] for note in found] == [until_ms - LATEST_MS, until_ms - MINUTE_MS]


async def test_a_market_that_the_ledger_has_nothing_of_is_not_asked_for(ledger: tuple[Database, Account]) -> None:
    database, account = ledger

    class Away:
        async def history(self, *_: object) -> CandleArray:
            raise AssertionError("asked for a market of which nothing is stored")

    await check_latest(database, account, MARKETS, Away(), DAY_START_MS)
    assert candle_notes.read(database, account) == []


@pytest.mark.filterwarnings("error")
async def test_a_number_that_nobody_can_reckon_with_is_told_as_the_exchange_states_it(
    ledger: tuple[Database, Account],
) -> None:
    database, account = ledger
    bars = bars_of(database, account)
    exchange = Exchange(bars, changed_ms=sorted(bars[0])[7], wild=1e300)
    found = await check_day(database, account, MARKETS, exchange, DAY_START_MS)
    assert "the exchange 1e+300" in found.sentence


def test_notes_are_kept_once_and_by_time(ledger: tuple[Database, Account]) -> None:
    database, account = ledger
    made = [
        CandleNote(kind="revision", symbol="BTCUSDT", open_ms=START_MS + n * MINUTE_MS, until_ms=0, text="x")
        for n in (2, 1)
    ]
    for _ in range(2):
        candle_notes.add(database, account, [asdict(note) for note in made])
    found = candle_notes.read(database, account, START_MS)
    assert [note["open_ms"] for note in found] == [START_MS + MINUTE_MS, START_MS + 2 * MINUTE_MS]
    assert candle_notes.read(database, account, START_MS + 2 * MINUTE_MS) == found[1:]
