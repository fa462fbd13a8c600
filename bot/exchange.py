"""Where the daemon trades: an exchange's address, its time, and what people must know about its market.

The built-in exchange runs inside the daemon unless `[exchange] url` names one that runs already; a real exchange's
time is measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.clock import Clock, PacedClock, ScaledClock, SystemClock, wall_ms
from bot.exchange_info import ExchangeInfo
from bot.feed.builtin import Builtin
from bot.feed.connect import client_for
from bot.feed.failures import translate
from bot.simulator.conductor import Pace
from bot.simulator.market.generated import GeneratedMarket
from bot.simulator.market.replay import ReplayMarket
from bot.simulator.market.source import MarketSource
from bot.simulator.server import ExchangeServer
from storage.config.tree import Config
from strategies.market import MINUTE_MS


async def _nothing_to_watch() -> None:
    """A venue elsewhere is watched by the feed."""


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


@asynccontextmanager
async def open_exchange(config: Config) -> AsyncIterator[Exchange]:
    """Connect to the exchange of the configuration, starting the built-in one where it is asked for.

    Raises:
        ExchangeFailed: it cannot be reached.
    """
    if not config.exchange.is_builtin:
        clock = SystemClock(await _offset_ms(config))
        yield Exchange(url=config.exchange.url, clock=clock, exchange_info=_real_exchange(config))
    elif config.exchange.url:
        yield await _join(config)
    else:
        server = ExchangeServer(
            _source(config), _pace(config), state_folder=config.paths.state / "exchange", deflate=False
        )
        url = await server.start()
        try:
            description = server.source.description
            exchange_info = _demo_exchange(config, description.name, description.kind, description.edge)
            yield Exchange(url=url, clock=server.clock, exchange_info=exchange_info, waits=True, watch=server.wait)
        finally:
            await server.stop()


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
        return ReplayMarket(folder, list(config.exchange.symbols), folder.parent / "funding", start_ms, None)
    return GeneratedMarket(
        config.simulator.seed,
        config.exchange.symbols,
        config.simulator.edge,
        start_ms,
        history_days=config.simulator.history_days,
    )


async def _join(config: Config) -> Exchange:
    """Take part in a built-in exchange that runs in another process."""
    asking = Builtin(config.exchange.url)
    try:
        told, market = await asking.clock(), await asking.market()
    finally:
        await asking.close()
    exchange_info = _demo_exchange(config, str(market["name"]), str(market["kind"]), str(market["edge"]))
    if told["speed"] is None or told["mode"] == "paced":
        paced = PacedClock(int(told["now_ms"]))
        return Exchange(
            url=config.exchange.url, clock=paced, exchange_info=exchange_info, waits=True, on_time=paced.advance
        )
    clock = ScaledClock(int(told["now_ms"]), float(told["speed"]))
    return Exchange(url=config.exchange.url, clock=clock, exchange_info=exchange_info)


def _demo_exchange(config: Config, name: str, kind: str, edge: str) -> ExchangeInfo:
    planted = "" if edge == "none" else f", {edge}"
    return ExchangeInfo(
        exchange=config.exchange.name,
        market_name=f"{name} ({kind}{planted})",
        is_demo=True,
        account=config.account.name,
        speed=config.exchange.speed,
    )


def _real_exchange(config: Config) -> ExchangeInfo:
    name = f"{config.exchange.name} {config.exchange.market}, public market data"
    return ExchangeInfo(
        exchange=config.exchange.name, market_name=name, is_demo=False, account=config.account.name, speed=1.0
    )


async def _offset_ms(config: Config) -> int:
    """Measure how far the exchange's clock is ahead of this machine's, half a round trip allowed for."""
    settings = config.exchange
    client = client_for(settings.name, settings.market, url=settings.url, timeout_s=config.feed.request_timeout_s)
    try:
        asked_ms = wall_ms()
        theirs_ms = int(await asyncio.wait_for(client.fetch_time(), config.feed.request_timeout_s))
        return theirs_ms - (asked_ms + wall_ms()) // 2
    except Exception as error:  # a task boundary: ccxt raises what it likes
        headers = getattr(client, "last_response_headers", None) or {}
        raise translate(error, exchange=settings.name, status=client.last_status, headers=headers) from error
    finally:
        await client.close()
