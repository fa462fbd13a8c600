"""The real ccxt.pro client against the built-in exchange, with everything going wrong: nothing is lost or doubled."""

from __future__ import annotations

import numpy as np
import pytest

from bot.feed.failures import GeoBlocked
from bot.simulator.conductor import Pace
from storage.config.market import FeedSettings
from strategies.errors import ExchangeFailed
from strategies.market import MINUTE_MS
from tests.bot.feed.stage import IMPATIENT, START_MS, Stage, read, settled_bars, stage

MISSED, LIVE = 40, 160

FAULTS = {
    "nothing": ((), ""),
    "drop": (("drop:p=0.2",), "backfilled"),
    "duplicate": (("duplicate:p=0.3",), "duplicates"),
    "reorder": (("reorder:p=0.2",), "backfilled"),
    "delay": (("delay:p=0.2,ms=180000",), "backfilled"),
    "gap": (("gap:p=0.1",), "backfilled"),
    "stall": (("stall:minutes=90",), "backfilled"),
    "close": (("close:p=0.02,count=3",), "reconnects"),
    "frames of NaN": (("garbage:p=0.2,form=nan",), "refused_not_finite"),
    "negative prices": (("garbage:p=0.2,form=negative",), "refused_not_positive"),
    "nulls": (("garbage:p=0.2,form=nulls",), "refused_not_a_candle"),
    "a wrong symbol": (("garbage:p=0.2,form=symbol",), "refused_unknown_market"),
    "frames of HTML": (("garbage:p=0.2,form=html",), "backfilled"),
    "429": (("drop:p=0.1", "429:count=2,retry_after=1"), "throttled"),
    "418": (("drop:p=0.1", "418:count=1,retry_after=1"), "throttled"),
    "5xx": (("drop:p=0.02", "503:p=0.3"), "rest_failures"),
    "REST answers of HTML": (("drop:p=0.01", "garbage:where=rest,form=html,p=0.3"), "rest_failures"),
    "REST rows of NaN": (("drop:p=0.01", "garbage:where=rest,form=nan,p=0.3"), "refused_not_finite"),
}


async def assert_nothing_lost(here: Stage, *faults: str, fast: bool = True) -> dict[str, int]:
    after_ms = START_MS - (MISSED + 1) * MINUTE_MS
    async with here.source(fast=fast) as source:
        markets = await source.markets(tuple(here.market.instruments))
        here.set_faults(*faults)
        minutes = await read(source, after_ms, MISSED + LIVE)
    assert [minute.open_ms for minute in minutes] == [after_ms + (1 + n) * MINUTE_MS for n in range(MISSED + LIVE)]
    assert all(minute.present.all() for minute in minutes)
    assert np.array_equal(settled_bars(minutes), here.true_bars(markets, minutes[0].open_ms, len(minutes)))
    return source.counters


@pytest.mark.parametrize("name", FAULTS)
async def test_nothing_is_lost_under(name: str) -> None:
    faults, counted = FAULTS[name]
    async with stage() as here:
        counters = await assert_nothing_lost(here, *faults)
        assert counters["revisions"] == 0
        if counted:
            assert counters[counted] > 0, counters


async def test_nothing_is_lost_on_the_timer_and_rest_path() -> None:
    async with stage(pace=Pace(speed=3600, ticks_per_minute=2)) as here:
        counters = await assert_nothing_lost(here, "drop:p=0.1", "close:p=0.01,count=1", fast=False)
        assert counters["backfilled"] >= 3 * (MISSED + LIVE)


async def test_a_silent_stream_is_broken_off_and_dialled_again() -> None:
    async with stage(pace=Pace(speed=60, ticks_per_minute=4)) as here, here.source() as source:
        await source.markets(("BTCUSDT",))
        here.set_faults("stall:minutes=150")
        minutes = await read(source, START_MS - MINUTE_MS, 4)
        assert source.counters["stalls"] >= 1
        assert source.counters["reconnects"] >= 1
        assert all(minute.present.all() for minute in minutes)


async def test_a_market_without_candles_is_not_ready_and_comes_back_late() -> None:
    patient = FeedSettings(close_deadline_s=0.15, stale_after_s=5, grace_s=0.1)
    async with stage(pace=Pace(speed=600)) as here, here.source(patient) as source:
        markets = await source.markets(("BTCUSDT", "ETHUSDT"))
        here.set_faults("gap:symbols=ETHUSDT,minutes=4,rest_minutes=12")
        minutes = await read(source, START_MS - MINUTE_MS, 40)
    absent = [(minute.open_ms, 1) for minute in minutes if not minute.present[1]]
    late = [(bar.open_ms, bar.market) for minute in minutes for bar in minute.late_bars]
    assert absent
    assert late == absent
    assert all(minute.present[0] for minute in minutes)
    assert np.array_equal(settled_bars(minutes), here.true_bars(markets, START_MS, 40))
    for minute in minutes:
        assert minute.not_ready is not None
        assert minute.not_ready[1] == (not minute.present[1] or bool(minute.late_bars))


async def test_a_geo_block_is_named_at_once_and_others_are_suggested() -> None:
    async with stage("451:p=1") as here, here.source() as source:
        with pytest.raises(GeoBlocked, match=r"HTTP 451.*okx"):
            await source.markets(("BTCUSDT",))


async def test_a_firewalls_403_is_tried_again() -> None:
    async with stage("403:count=2") as here, here.source() as source:
        assert [market.symbol for market in await source.markets(("BTCUSDT",))] == ["BTCUSDT"]


async def test_a_web_page_instead_of_the_listing_is_an_exchange_failure() -> None:
    async with stage("garbage:where=rest,form=html") as here, here.source() as source:
        with pytest.raises(ExchangeFailed):
            await source.markets(("BTCUSDT",))


async def test_an_exchange_that_is_down_at_the_start_is_waited_for_a_while() -> None:
    async with stage("503:count=2") as here, here.source() as source:
        assert [market.symbol for market in await source.markets(("BTCUSDT",))] == ["BTCUSDT"]


async def test_a_restart_goes_on_exactly_where_the_tape_ends() -> None:
    async with stage("drop:p=0.1") as here:
        minutes = []
        after_ms = START_MS - 30 * MINUTE_MS
        for count in (50, 70, 90):
            async with here.source() as source:
                markets = await source.markets(tuple(here.market.instruments))
                minutes += await read(source, after_ms, count)
                after_ms = minutes[-1].open_ms
    assert len({minute.open_ms for minute in minutes}) == 210
    assert np.array_equal(settled_bars(minutes), here.true_bars(markets, minutes[0].open_ms, 210))


async def test_bars_absent_before_a_restart_come_as_late_bars_after_it() -> None:
    async with stage() as here, here.source(IMPATIENT) as source:
        markets = await source.markets(tuple(here.market.instruments))
        after_ms = START_MS - 20 * MINUTE_MS
        settled_ms = [after_ms, after_ms - 5 * MINUTE_MS, after_ms]
        first, *_ = await read(source, after_ms, 10, settled_ms=settled_ms)
    assert [(bar.market, bar.open_ms) for bar in first.late_bars] == [
        (1, after_ms - n * MINUTE_MS) for n in (4, 3, 2, 1, 0)
    ]
    truth = here.true_bars(markets, after_ms - 4 * MINUTE_MS, 5)
    assert np.array_equal([bar.bar for bar in first.late_bars], truth[:, 1])
