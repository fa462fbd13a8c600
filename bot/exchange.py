"""The exchange that is traded on: its address, its time, and what people must know about its market.

The built-in exchange runs inside the daemon unless `[exchange] url` names one that runs already; a real exchange's
time is measured. An exchange that is away is waited for: a start never ends because of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from bot.clock import Clock, FollowingClock, PacedClock, SystemClock
from bot.exchange_info import ExchangeInfo
from bot.feed.connection import Connection
from bot.feed.time_keeper import measure
from bot.feed.waiting import patient
from bot.simulator.conductor import Pace
from bot.simulator.market.generated import GeneratedMarket
from bot.simulator.market.instruments import demo_symbols
from bot.simulator.market.lives import LivingMarket, demo_lives
from bot.simulator.market.replay import ReplayMarket
from bot.simulator.market.source import MarketSource
from bot.simulator.server import Door, ExchangeServer
from storage.config.tree import Config
from strategies.errors import ExchangeFailed
from strategies.market import MINUTE_MS

STANDS_S = 10.0  # real seconds, beside the length of a minute, without one in a market that waits for us
T = TypeVar("T")


async def _nothing_to_watch() -> None:
    """An exchange elsewhere is watched by the feed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """An open exchange.

    Attributes:
        url: its base address; "": its own.
        clock: its time.
        place: what people must know about its market.
        waits: its market stands still while the daemon is down or behind, so no decision can be late.
        on_time: what its market tells the time to, where it runs as fast as minutes are processed.
        watch: to be awaited beside the trader; raises what stopped a built-in market.
    """

    url: str
    clock: Clock
    exchange_info: ExchangeInfo
    waits: bool = False
    on_time: Callable[[int], None] | None = None
    watch: Callable[[], Coroutine[None, None, None]] = _nothing_to_watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How a start waits for what it stands on: whom it tells why, and what ends it."""

    on_wait: Callable[[str], None] = lambda why: structlog.get_logger("exchange").warning("start waits", why=why)
    stopping: asyncio.Event | None = None

    async def until(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Return what `ask` brings once the exchange and the database can be had.

        Raises:
            Stopped: the program is to end.
            ExchangeFailed: it refuses this place, and has said so several times.
        """
        return await patient(ask, on_wait=self.on_wait, stopping=self.stopping)


@asynccontextmanager
async def open_exchange(config: Config, patience: Patience | None = None) -> AsyncIterator[Exchange]:
    """Connect to the exchange of the configuration, starting the built-in one where it is asked for.

    Raises:
        ExchangeFailed: it refuses this place.
        Stopped: the program was asked to end while it waited.
    """
    patience = patience or Patience()
    if not config.exchange.is_builtin:
        clock = SystemClock()
        await patience.until(partial(_measured, config, clock))
        yield Exchange(url=config.exchange.url, clock=clock, exchange_info=_real_exchange(config))
    elif config.exchange.url or config.feed.source:
        yield await patience.until(partial(_join, config))
    else:
        server = ExchangeServer(
            _source(config), _pace(config), state_folder=config.paths.state / "exchange", door=Door(deflate=False)
        )
        url = await server.start()
        try:
            description = server.source.description
            exchange_info = _demo_exchange(config, description.name, description.kind, description.edge)
            waiting = replace(exchange_info, stands_after_s=STANDS_S + minute_s(config.exchange.speed))
            yield Exchange(url=url, clock=server.clock, exchange_info=waiting, waits=True, watch=server.wait)
        finally:
            await server.stop()


def connection_to(exchange: Exchange, config: Config, *, shared: bool) -> Connection:
    """Return the connection of a whole program to an open exchange; it remembers bans in the state folder.

    Args:
        exchange: it is open.
        config: of the program.
        shared: several feeds will ask.
    """
    return Connection(
        config.exchange,
        config.feed,
        exchange.clock,
        url=exchange.url,
        on_time=exchange.on_time,
        state=config.paths.state / "feed",
        shared=shared,
    )


def _pace(config: Config) -> Pace:
    ticks = config.simulator.ticks_per_minute
    return Pace(
        speed=config.exchange.speed or None,
        lead_ms=config.simulator.lead_minutes * MINUTE_MS,
        ticks_per_minute=ticks if 0 < config.exchange.speed <= 60 else None,
    )


def _source(config: Config) -> MarketSource:
    start = config.simulator.start
    start_ms = round(datetime(start.year, start.month, start.day, tzinfo=UTC).timestamp() * 1000)
    if config.simulator.replay:
        folder = Path(config.simulator.replay)
        return ReplayMarket(folder, list(config.all_symbols), folder.parent / "funding", start_ms, None)
    generated = GeneratedMarket(
        config.simulator.seed,
        demo_symbols(config.all_symbols),
        config.simulator.edge,
        start_ms,
        history_days=config.simulator.history_days,
        hourly_funding=True,
    )
    return LivingMarket(generated, demo_lives(start_ms))


async def _join(config: Config) -> Exchange:
    """Take part in a built-in exchange that runs in another process, or behind a feed process."""
    async with Connection(config.exchange, config.feed, PacedClock()) as connection:
        assert connection.builtin is not None
        told, market = await connection.builtin.clock(), await connection.builtin.market()
    exchange_info = _demo_exchange(config, str(market["name"]), str(market["kind"]), str(market["edge"]))
    if told["speed"] is None or told["mode"] == "paced":
        paced = PacedClock(int(told["now_ms"]))
        waiting = replace(exchange_info, stands_after_s=STANDS_S)
        return Exchange(url=config.exchange.url, clock=paced, exchange_info=waiting, waits=True, on_time=paced.advance)
    clock = FollowingClock(int(told["now_ms"]), float(told["speed"]))
    return Exchange(url=config.exchange.url, clock=clock, exchange_info=exchange_info)


def minute_s(speed: float) -> float:
    """Return the real seconds that a market minute lasts at a speed; 0 where it is as fast as it is processed."""
    return MINUTE_MS / 1000 / speed if speed else 0.0


def _demo_exchange(config: Config, name: str, kind: str, edge: str) -> ExchangeInfo:
    prices = "prices of stored candles" if kind == "replay" else f"{kind} prices"
    planted = "" if edge == "none" else " with a built-in edge"
    return ExchangeInfo(
        exchange=config.exchange.name,
        market_name=f"{name} ({prices}{planted})",
        is_demo=True,
        account=config.account.name,
        speed=config.exchange.speed,
    )


def _real_exchange(config: Config) -> ExchangeInfo:
    name = f"{config.exchange.name} {config.exchange.market}, public market data"
    return ExchangeInfo(
        exchange=config.exchange.name, market_name=name, is_demo=False, account=config.account.name, speed=1.0
    )


async def _measured(config: Config, clock: SystemClock) -> None:
    """Measure the exchange's time once, where it has one; the feed goes on measuring.

    Raises:
        ExchangeFailed: it cannot be reached.
    """
    settings, feed = config.exchange, config.feed
    async with Connection(settings, feed, clock, state=config.paths.state / "feed") as connection:
        gate = connection.rest.gate
        if gate.left_s() > 0:
            raise ExchangeFailed(f"{settings.name} has banned us; nothing is asked before {gate.opens_utc()} UTC")
        try:
            async with asyncio.timeout(2 * feed.request_timeout_s):
                await measure(connection.rest, clock)
        except TimeoutError as error:
            within = f"within {feed.request_timeout_s:g} s"
            raise ExchangeFailed(f"{settings.name} did not tell its time {within}") from error
