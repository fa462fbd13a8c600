"""A built-in exchange on loopback and the real feed in front of it, with the truth to compare against."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

import numpy as np

from bot.feed.connection import Connection
from bot.feed.source import FeedSource
from bot.simulator.conductor import Pace
from bot.simulator.faults.faults import fault_of
from bot.simulator.market.generated import DEMO_SYMBOLS, GeneratedMarket
from bot.simulator.server import ExchangeServer
from storage.config.market import ExchangeSettings, FeedSettings
from strategies.kernel.state import NO_RATE
from strategies.market import MINUTE_MS, Market
from strategies.minute import AccountMinute

START_MS = 1_735_689_600_000  # 2025-01-01 00:00, a funding time
IMPATIENT = FeedSettings(close_deadline_s=5.0, stale_after_s=0.6, grace_s=0.2, request_timeout_s=2.0)
PACED = Pace(speed=None)


class Stage:
    """A running exchange."""

    def __init__(self, server: ExchangeServer, market: GeneratedMarket) -> None:
        self.server = server
        self.market = market

    def source(self, settings: FeedSettings = IMPATIENT, *, fast: bool = True) -> FeedSource:
        """Return a feed that shares the exchange's clock."""
        exchange = ExchangeSettings(name="builtin", symbols=tuple(self.market.instruments))
        return FeedSource(Connection(exchange, settings, self.server.clock, url=self.server.url, fast=fast))

    def set_faults(self, *faults: str) -> None:
        """Let these go wrong from now on, and no others."""
        self.server.fault_box.replace([fault_of(fault) for fault in faults])

    def true_bars(self, markets: Sequence[Market], open_ms: int, minutes: int) -> np.ndarray:
        """Return what really happened, (minutes, markets, 5) int64."""
        end_ms = open_ms + minutes * MINUTE_MS
        bars = [market.bars(self.market.minutes(market.symbol, open_ms, end_ms)) for market in markets]
        return np.stack(bars, axis=1)

    def true_funding(self, symbol: str, open_ms: int, minutes: int) -> dict[int, int]:
        """Return the settled rates by time."""
        times, rates = self.market.funding(symbol, open_ms, open_ms + minutes * MINUTE_MS)
        return {int(time): round(float(rate) * 1e8) for time, rate in zip(times, rates, strict=True)}


@asynccontextmanager
async def stage(
    *faults: str,
    pace: Pace = PACED,
    symbols: Sequence[str] = DEMO_SYMBOLS,
    start_ms: int = START_MS,
    seed: int = 3,
    market: GeneratedMarket | None = None,
) -> AsyncIterator[Stage]:
    """Run an exchange whose market clock begins at `start_ms`, or one of a given market."""
    market = market or GeneratedMarket(5, symbols, start_ms=start_ms)
    server = ExchangeServer(market, pace, faults=[fault_of(fault) for fault in faults], seed=seed)
    await server.start()
    try:
        yield Stage(server, market)
    finally:
        await server.stop()


async def read(source: FeedSource, after_ms: int, count: int, **options: Sequence[int]) -> list[AccountMinute]:
    """Return the next `count` account minutes, acknowledging each."""
    minutes: list[AccountMinute] = []
    async with aclosing(source.minutes(after_ms, **options)) as stream:
        async for minute in stream:
            minutes.append(minute)
            await source.processed(minute.open_ms)
            if len(minutes) == count:
                return minutes
    raise AssertionError("the feed ended")


def settled_bars(minutes: Sequence[AccountMinute]) -> np.ndarray:
    """Return (minutes, markets, 5): every bar in its own minute, late ones included; zeros where none ever came."""
    first_ms = minutes[0].open_ms
    bars = np.stack([minute.bars for minute in minutes])
    for minute in minutes:
        for late in minute.late_bars:
            row = (late.open_ms - first_ms) // MINUTE_MS
            assert not bars[row, late.market].any(), "a bar came twice"
            bars[row, late.market] = late.bar
    return bars


def settled_rates(minutes: Sequence[AccountMinute], market: int) -> dict[int, int]:
    """Return the funding rates of a market by the minute that carried them."""
    return {
        minute.open_ms: int(minute.funding_e8[market]) for minute in minutes if minute.funding_e8[market] != NO_RATE
    }
