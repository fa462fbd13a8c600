"""Minutes that an exchange no longer keeps are made of coarser candles, named, and never hold the others up."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from dataclasses import replace
from decimal import Decimal

import pytest

from bot.clock import ManualClock
from bot.feed.candle import ClosedCandle
from bot.feed.candle_buffer import CandleBuffer
from bot.feed.fetchers import GapFetcher
from bot.feed.grace import Grace
from bot.feed.page import Page
from bot.feed.rebuild import rebuilt
from bot.feed.rest import Rest
from strategies.errors import ExchangeFailed
from strategies.market import DAY_MS, HOUR_MS, MINUTE_MS, Market, Timeframe

NOW_MS = 20_000 * DAY_MS
WILD_MS = NOW_MS - 20 * HOUR_MS
KEPT = 720  # rows of every timeframe


class Short(Rest):
    """An exchange that keeps 720 rows of each timeframe; some of its markets may answer nonsense."""

    def __init__(self, *, broken: str = "", coarser: bool = True) -> None:
        self.names = {"BTCUSDT": "BTC", "ETHUSDT": "ETH"}
        self.exchange = "kraken"
        self.client = type("Client", (), {"timeframes": {"1m": 1, "5m": 5, "15m": 15, "1h": 60}, "has": {}})
        self._broken, self._coarser = broken, coarser

    async def candles(
        self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int, *, attempts: int = 1
    ) -> Page:
        await asyncio.sleep(0)
        if symbol == self._broken:
            raise ExchangeFailed("none of them a candle")
        if timeframe is not Timeframe.M1 and not self._coarser:
            return Page(candles=(), complete_ms=start_ms)
        oldest_ms = (NOW_MS // timeframe.ms - KEPT) * timeframe.ms
        first_ms = max(start_ms, oldest_ms)
        candles = tuple(
            ClosedCandle(symbol=symbol, open_ms=open_ms, values=(100.0, 101.0, 99.0, 100.0, 1.0))
            for open_ms in range(first_ms, min(end_ms, NOW_MS), timeframe.ms)
        )
        return Page(candles=candles, complete_ms=min(end_ms, NOW_MS))


def account(after_ms: int, *symbols: str, wild_move: float = math.inf) -> CandleBuffer:
    markets = [
        Market(
            exchange="kraken",
            symbol=symbol,
            kind="spot",
            tick=Decimal("0.01"),
            lot=Decimal("0.001"),
            funding_interval_ms=0,
        )
        for symbol in symbols
    ]
    return CandleBuffer(
        markets,
        after_ms=after_ms,
        settled_ms=None,
        counters=Counter(),
        revisions=deque(),
        window=3_000,
        wild_move=wild_move,
    )


def fetcher(symbol: str, desk: CandleBuffer, rest: Rest) -> GapFetcher:
    return GapFetcher(
        symbol,
        candle_buffer=desk,
        rest=rest,
        clock=ManualClock(NOW_MS),
        grace=Grace(0.0, 1.0),
        patience_s=0.0,
        slots=asyncio.Semaphore(4),
    )


async def test_a_day_away_comes_back_as_five_minute_candles_and_is_named() -> None:
    start_ms = NOW_MS - 25 * HOUR_MS
    desk = account(start_ms - MINUTE_MS, "BTCUSDT")
    running = asyncio.create_task(fetcher("BTCUSDT", desk, Short()).run())
    while desk.next_ms("BTCUSDT") < NOW_MS:  # noqa: ASYNC110 — the fetcher under test sets no event of ours
        await asyncio.sleep(0.01)
    running.cancel()
    (note,) = desk.notes
    assert (note.kind, note.open_ms, note.until_ms) == ("rebuilt", start_ms, NOW_MS - KEPT * MINUTE_MS)
    assert "156 candles of 5m" in note.text  # 13 h
    present = []
    while desk.barrier.head_ms < NOW_MS:
        minute = desk.barrier.release()
        present += [minute.open_ms] if minute.present[0] else []
    assert present[:3] == [start_ms, start_ms + 5 * MINUTE_MS, start_ms + 10 * MINUTE_MS]
    assert len(present) == 156 + KEPT


class OfTrades(Short):
    """An exchange without coarser candles whose trades go back a day, three a minute, two minutes without one."""

    def __init__(self, *, oldest_ms: int = NOW_MS - DAY_MS, page: int = 7) -> None:
        super().__init__(coarser=False)
        self.client.has = {"fetchTrades": True}
        self._trades = [
            (open_ms + step, price, 0.5, f"{open_ms}-{step}")
            for open_ms in range(oldest_ms, NOW_MS, MINUTE_MS)
            if open_ms // MINUTE_MS % 10 > 1
            for step, price in ((0, 100.0), (20_000, 103.0), (20_000, 98.0))
        ]
        self._page = page

    async def trades(
        self, symbol: str, since_ms: int, limit: int, *, attempts: int = 1
    ) -> list[tuple[int, float, float, str]]:
        return [trade for trade in self._trades if trade[0] >= since_ms][: self._page]


async def test_without_coarser_candles_the_minutes_are_added_up_of_trades() -> None:
    start_ms = NOW_MS - 20 * MINUTE_MS
    made, note = await rebuilt(OfTrades(), "BTCUSDT", start_ms, start_ms + 20 * MINUTE_MS)
    assert note.kind == "rebuilt"
    assert "added up of its trades" in note.text
    assert [(candle.open_ms - start_ms) // MINUTE_MS for candle in made] == [*range(2, 10), *range(12, 20)]
    assert {candle.values for candle in made} == {(100.0, 103.0, 98.0, 98.0, 1.5)}


async def test_trades_that_do_not_go_back_so_far_are_not_taken_for_these_minutes() -> None:
    start_ms = NOW_MS - DAY_MS
    rest = OfTrades(oldest_ms=NOW_MS - HOUR_MS)
    made, note = await rebuilt(rest, "BTCUSDT", start_ms, start_ms + HOUR_MS)
    assert made == []
    assert note.kind == "given_up"


class WildCoarser(Short):
    """An exchange one of whose five-minute candles is wild; the price is back at once."""

    def __init__(self, *values: float) -> None:
        super().__init__()
        self._values = values

    async def candles(
        self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int, *, attempts: int = 1
    ) -> Page:
        page = await super().candles(symbol, timeframe, start_ms, end_ms, attempts=attempts)
        if timeframe is Timeframe.M1:
            return page
        spoilt = [replace(part, values=self._values) if part.open_ms == WILD_MS else part for part in page.candles]
        return replace(page, candles=tuple(spoilt))

    async def mark_candle(self, symbol: str, open_ms: int) -> None:
        return None


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ((100.0, 92_400.0, 99.0, 100.0, 1.0), "924 times the price before"),
        ((100.0, 101.0, 0.11, 100.0, 1.0), "times the price before"),
        ((100.0, 240.0, 99.0, 240.0, 1.0), "2.4 times the price before"),
        ((1e300, 1e300, 1e300, 1e300, 1.0), "whole ticks and lots"),
        ((100.0, 101.0, 99.0, 100.0, 1e300), "whole ticks and lots"),
    ],
)
async def test_a_wild_candle_that_stands_in_for_minutes_is_left_out_and_named(
    values: tuple[float, ...], why: str
) -> None:
    start_ms = NOW_MS - 25 * HOUR_MS
    desk = account(start_ms - MINUTE_MS, "BTCUSDT", wild_move=0.25)
    running = asyncio.create_task(fetcher("BTCUSDT", desk, WildCoarser(*values)).run())
    async with asyncio.timeout(60):
        while desk.next_ms("BTCUSDT") < NOW_MS:  # noqa: ASYNC110 — the fetcher under test sets no event of ours
            await asyncio.sleep(0.01)
    running.cancel()
    excluded = [note for note in desk.notes if note.kind == "excluded"]
    assert [note.open_ms for note in excluded] == [WILD_MS]
    assert why in excluded[0].text
    while desk.barrier.head_ms < NOW_MS:
        minute = desk.barrier.release()
        assert not minute.present[0] or (minute.bars[0, :4] <= 10_100).all()
        assert minute.open_ms != WILD_MS or not minute.present[0]


async def test_without_coarser_candles_the_minutes_are_given_up_aloud() -> None:
    made, note = await rebuilt(Short(coarser=False), "BTCUSDT", NOW_MS - DAY_MS, NOW_MS - DAY_MS // 2)
    assert made == []
    assert note.kind == "given_up"
    assert "absent" in note.text


async def test_a_market_that_answers_nonsense_does_not_hold_the_others_up() -> None:
    start_ms = NOW_MS - 30 * MINUTE_MS
    desk = account(start_ms - MINUTE_MS, "BTCUSDT", "ETHUSDT")
    rest = Short(broken="ETHUSDT")
    running = [asyncio.create_task(fetcher(symbol, desk, rest).run()) for symbol in desk.symbols]
    try:
        async with asyncio.timeout(60):
            while desk.answered_ms[1] <= start_ms:
                desk.answered_s = asyncio.get_running_loop().time()  # BTCUSDT goes on being answered
                await asyncio.sleep(0.01)
    finally:
        for task in running:
            task.cancel()
    assert desk.next_ms("BTCUSDT") == NOW_MS
    assert desk.next_ms("ETHUSDT") == start_ms
