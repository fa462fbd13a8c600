"""A wild closed candle is money: it needs a second witness, and what nobody confirms is absent and said."""

from __future__ import annotations

import numpy as np
import pytest

from bot.feed.candle import ClosedCandle
from bot.feed.plausible import Plausibility
from bot.feed.rest import Rest
from bot.feed.witness import Witnesses
from strategies.errors import ExchangeFailed
from strategies.market import MINUTE_MS
from tests.bot.feed.stage import START_MS, read, settled_bars, stage

AFTER_MS = START_MS - MINUTE_MS
COUNT = 60


async def test_a_wild_frame_is_replaced_by_what_rest_says() -> None:
    async with stage() as here, here.source() as source:
        markets = await source.markets(tuple(here.market.instruments))
        here.set_faults("wild:p=0.1,factor=2.4")
        minutes = await read(source, AFTER_MS, COUNT)
    assert source.counters["held_wild"] > 0
    assert all(minute.present.all() for minute in minutes)
    assert np.array_equal(settled_bars(minutes), here.true_bars(markets, START_MS, COUNT))


async def test_a_wild_candle_that_the_mark_price_denies_is_absent_and_named() -> None:
    async with stage() as here, here.source() as source:
        markets = await source.markets(tuple(here.market.instruments))
        here.set_faults("wild:where=rest,factor=2.4,symbols=ETHUSDT,minutes=1")
        minutes = await read(source, AFTER_MS, COUNT)
    absent = [(minute.open_ms, index) for minute in minutes for index in np.flatnonzero(~minute.present)]
    assert len(absent) == 1
    ((open_ms, index),) = absent
    assert markets[index].symbol == "ETHUSDT"
    (note,) = [note for note in source.notes if note.kind == "excluded"]
    assert (note.symbol, note.open_ms) == ("ETHUSDT", open_ms)
    assert "times the price before" in note.text
    assert "mark price" in note.text
    bars, truth = settled_bars(minutes), here.true_bars(markets, START_MS, COUNT)
    truth[(open_ms - START_MS) // MINUTE_MS, index] = 0
    assert np.array_equal(bars, truth)


def candle(minute: int, close: float, high: float = 0.0, volume: float = 1.0) -> ClosedCandle:
    high = max(high, close, 100.0)
    values = (100.0, high, min(100.0, close), close, volume)
    return ClosedCandle(symbol="ETHUSDT", open_ms=minute * MINUTE_MS, values=values)


def seen(count: int = 40) -> Plausibility:
    plausibility = Plausibility(0.25)
    for minute in range(count):
        plausibility.released(candle(minute, 100.0))
    return plausibility


def test_what_is_wild_depends_on_the_price_before_and_on_the_time_since() -> None:
    plausibility = seen()
    assert plausibility.judge(candle(40, 110.0)) is None
    wild = plausibility.judge(candle(40, 240.0))
    assert wild is not None
    assert "2.4 times" in wild.text
    assert plausibility.judge(candle(40, 100.0, high=240.0)) is not None
    assert plausibility.judge(candle(55, 240.0)) is None  # a quarter of an hour later


def test_a_wild_volume_is_doubted_in_a_frame_only() -> None:
    plausibility = seen()
    assert plausibility.judge(candle(40, 100.0, volume=1e6), is_frame=True) is not None
    assert plausibility.judge(candle(40, 100.0, volume=1e6)) is None


class Silent(Rest):
    """An exchange without a mark price."""

    def __init__(self) -> None:
        self.names = {}

    async def mark_candle(self, symbol: str, open_ms: int) -> None:
        raise ExchangeFailed("none")


async def test_without_a_mark_price_what_comes_after_decides() -> None:
    plausibility = seen()
    wild = plausibility.judge(candle(40, 240.0))
    assert wild is not None
    witnesses = Witnesses(Silent(), plausibility)
    stayed = [candle(minute, 238.0) for minute in (41, 42)]
    assert (await witnesses.judge(wild, stayed))[0] is True
    assert (await witnesses.judge(wild, [candle(41, 101.0)]))[0] is False
    assert (await witnesses.judge(wild, []))[0] is None


async def test_a_crash_of_all_markets_is_true() -> None:
    plausibility = crashed(60.0)
    wild = plausibility.judge(candle(40, 55.0))
    assert wild is not None
    assert (await Witnesses(Silent(), plausibility).judge(wild, []))[0] is True


@pytest.mark.parametrize(("others", "stated"), [(60.0, 1e-6), (160.0, 92_400.0), (160.0, 1e300)])
async def test_a_crash_or_a_rise_of_all_confirms_none_that_is_many_times_as_large(others: float, stated: float) -> None:
    plausibility = crashed(others)
    wild = plausibility.judge(candle(40, stated))
    assert wild is not None
    assert (await Witnesses(Silent(), plausibility).judge(wild, []))[0] is None


def crashed(level: float) -> Plausibility:
    """Two other markets that came from 100 to a level within the minute."""
    plausibility = seen()
    for symbol in ("BTCUSDT", "SOLUSDT"):
        for minute, close in ((39, 100.0), (40, level)):
            values = (100.0, max(100.0, close), min(100.0, close), close, 1.0)
            plausibility.released(ClosedCandle(symbol=symbol, open_ms=minute * MINUTE_MS, values=values))
    return plausibility
