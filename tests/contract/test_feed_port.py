"""The contract of whoever yields account minutes: the real feed on the built-in exchange, and its fake in tests."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Protocol

import numpy as np
import pytest

from strategies.kernel.state import NO_RATE
from strategies.market import MINUTE_MS, Market
from strategies.minute import AccountMinute
from tests.bot.feed.scripted import ScriptedMinutes
from tests.bot.feed.stage import START_MS, stage

SYMBOLS = ("BTCUSDT", "ETHUSDT")
AFTER_MS = START_MS - 31 * MINUTE_MS


class MinutePort(Protocol):
    """What the trader needs of a feed."""

    async def markets(self, symbols: Sequence[str]) -> list[Market]: ...

    def minutes(self, after_ms: int) -> AsyncGenerator[AccountMinute, None]: ...

    async def processed(self, minute_ms: int) -> None: ...


@asynccontextmanager
async def real() -> AsyncIterator[MinutePort]:
    async with stage() as here, here.source() as source:
        yield source


@asynccontextmanager
async def scripted() -> AsyncIterator[MinutePort]:
    yield ScriptedMinutes(minutes=200)


@pytest.fixture(params=[real, scripted], ids=["real", "scripted"])
def port(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[MinutePort]:
    opened: AbstractAsyncContextManager[MinutePort] = request.param()
    return opened


async def read(port: MinutePort, after_ms: int, count: int) -> list[AccountMinute]:
    minutes: list[AccountMinute] = []
    async with aclosing(port.minutes(after_ms)) as stream:
        async for minute in stream:
            minutes.append(minute)
            await port.processed(minute.open_ms)
            if len(minutes) == count:
                break
    return minutes


async def test_minutes_follow_each_other_from_the_one_after(port: AbstractAsyncContextManager[MinutePort]) -> None:
    async with port as source:
        await source.markets(SYMBOLS)
        minutes = await read(source, AFTER_MS, 60)
    assert [minute.open_ms for minute in minutes] == [AFTER_MS + n * MINUTE_MS for n in range(1, 61)]


async def test_a_minute_holds_every_market_in_the_order_asked(port: AbstractAsyncContextManager[MinutePort]) -> None:
    async with port as source:
        markets = await source.markets(SYMBOLS)
        minutes = await read(source, AFTER_MS, 40)
    assert [market.symbol for market in markets] == list(SYMBOLS)
    for minute in minutes:
        assert minute.bars.dtype == np.int64
        assert minute.bars.shape == (2, 5)
        bars = minute.bars[minute.present]
        assert (bars[:, 1] >= bars[:, [0, 2, 3]].max(axis=1)).all()
        assert (bars[:, 2] <= bars[:, [0, 3]].min(axis=1)).all()
        assert not minute.bars[~minute.present].any()
        assert minute.not_ready is not None
        assert minute.not_ready[~minute.present].all()
        assert not minute.commands


async def test_funding_settles_at_the_markets_times_only(port: AbstractAsyncContextManager[MinutePort]) -> None:
    async with port as source:
        markets = await source.markets(SYMBOLS)
        minutes = await read(source, AFTER_MS, 60)
    for index, market in enumerate(markets):
        settled = [minute.open_ms for minute in minutes if minute.funding_e8[index] != NO_RATE]
        expected = [minute.open_ms for minute in minutes if minute.open_ms % market.funding_interval_ms == 0]
        assert settled == expected == [START_MS]
