"""How fast and how completely the feed brings a burst of closes: from the exchange's last frame to the account minute.

The built-in exchange runs in a process of its own on loopback and closes all markets at once, minute after minute; the
feed reads it through the real ccxt.pro client. A candle counts as released when its account minute is in the reader's
hands, which is later than when it was validated and sequenced. The rival is the usual loop over
`watch_ohlcv_for_symbols`, in the same run; its candles count from the moment the call returns them.

    python -m benchmarks.feed --json --markets 200
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import aclosing, suppress

import numpy as np

from benchmarks.figures import Figure, parser, show
from bot.clock import ScaledClock
from bot.feed.connect import client_for
from bot.feed.connection import Connection
from bot.feed.source import FeedSource
from bot.simulator.conductor import Pace
from bot.simulator.market.generated import GeneratedMarket
from bot.simulator.market.instruments import some_symbols
from bot.simulator.protocol.hub import Frame
from bot.simulator.server import ExchangeServer
from storage.config.market import ExchangeSettings, FeedSettings
from strategies.market import MINUTE_MS

SPEED = 60.0  # a burst every second
WARM_UP = 3  # bursts before the first that counts: subscribing, first use of every path
P99_GOAL_MS = 50.0
RIVAL = "watch_ohlcv_for_symbols"


def main() -> None:
    """Run the benchmark, or the exchange of it."""
    arguments = parser("feed", __doc__.splitlines()[0])
    arguments.add_argument("--markets", type=int, default=200, help="markets that close at once")
    arguments.add_argument("--bursts", type=int, default=20, help="minutes that count")
    arguments.add_argument("--serve", action="store_true", help="be the exchange; started by the benchmark itself")
    options = arguments.parse_args()
    if options.serve:
        asyncio.run(serve(options.markets))
        return
    show("feed", asyncio.run(measure(options.markets, options.bursts)), as_json=options.json)


async def serve(markets: int) -> None:
    """Run the exchange; print its address and clock, then a line `minute sent_ns` after every burst."""
    server = ExchangeServer(GeneratedMarket(1, some_symbols(markets)), Pace(speed=SPEED, hold=True, ticks_per_minute=0))
    deliver = server.fault_box.deliver

    async def timed(frames: list[Frame], now_ms: int) -> None:
        await deliver(frames, now_ms)
        print(now_ms - MINUTE_MS, time.monotonic_ns(), flush=True)

    server.fault_box.deliver = timed  # type: ignore[method-assign]
    print(await server.start(), server.clock.now_ms(), flush=True)
    with suppress(BrokenPipeError, asyncio.CancelledError):
        await server.wait()


async def measure(markets: int, bursts: int) -> list[Figure]:
    """Return the figures of the feed and of its rival, one after the other on the same exchange."""
    arguments = ("-m", "benchmarks.feed", "--serve", "--markets", str(markets))
    exchange = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    sent: dict[int, int] = {}
    try:
        assert exchange.stdout is not None
        url, now_ms = (await exchange.stdout.readline()).decode().split()
        async with asyncio.TaskGroup() as group:
            group.create_task(_collect(exchange.stdout, sent), name="sent times")
            ours = await read_ours(url, int(now_ms), markets, bursts)
            rival = await read_rival(url, markets, bursts)
            exchange.terminate()
    finally:
        with suppress(ProcessLookupError):
            exchange.terminate()
        await exchange.wait()
    return _figures(_latencies(ours, sent), _latencies(rival, sent), markets * bursts)


async def read_ours(url: str, now_ms: int, markets: int, bursts: int) -> list[tuple[int, int]]:
    """Return (minute, released_ns) of every candle the feed released."""
    symbols = some_symbols(markets)
    exchange = ExchangeSettings(name="builtin", symbols=symbols)
    released: list[tuple[int, int]] = []
    connection = Connection(exchange, FeedSettings(), ScaledClock(now_ms, SPEED), url=url)
    async with FeedSource(connection) as source:
        await source.markets(symbols)
        async with aclosing(source.minutes(now_ms - MINUTE_MS)) as minutes:
            count = 0
            async for minute in minutes:
                came_ns = time.monotonic_ns()
                count += 1
                if count > WARM_UP:
                    released += [(minute.open_ms, came_ns)] * int(minute.present.sum())
                if count == WARM_UP + bursts:
                    return released
    return released


async def read_rival(url: str, markets: int, bursts: int) -> list[tuple[int, int]]:
    """Return the same of the plain loop, which hands out what its call returns."""
    client = client_for("builtin", "futures", url=url, fast=False)
    seen: dict[tuple[str, int], int] = {}
    try:
        listed = await client.load_markets()
        wanted = [[name, "1m"] for name in listed]
        await client.watch_ohlcv_for_symbols(wanted)  # subscribes, and waits for the first close
        ends_s = asyncio.get_running_loop().time() + bursts * MINUTE_MS / 1000 / SPEED
        with suppress(TimeoutError):
            async with asyncio.timeout_at(ends_s):
                while True:
                    update = await client.watch_ohlcv_for_symbols(wanted)
                    came_ns = time.monotonic_ns()
                    for name, timeframes in update.items():
                        for row in timeframes["1m"]:
                            seen.setdefault((name, int(row[0])), came_ns)
    finally:
        await client.close()
    return [(open_ms, came_ns) for (_, open_ms), came_ns in seen.items()]


async def _collect(lines: asyncio.StreamReader, sent: dict[int, int]) -> None:
    async for line in lines:
        minute, sent_ns = line.split()
        sent[int(minute)] = int(sent_ns)


def _latencies(released: list[tuple[int, int]], sent: dict[int, int]) -> np.ndarray:
    """Return (n,) ms between a burst's last frame and each of its candles; negative: before the last was sent."""
    return np.array([(came_ns - sent[minute]) / 1e6 for minute, came_ns in released if minute in sent])


def _figures(ours: np.ndarray, rival: np.ndarray, expected: int) -> list[Figure]:
    def quantile(latencies: np.ndarray, share: float) -> float | None:
        return round(float(np.quantile(latencies, share)), 2) if len(latencies) else None

    lost = Figure(
        name="lost",
        value=expected - len(ours),
        unit="candles",
        goal="== 0",
        rival=RIVAL,
        rival_value=max(0, expected - len(rival)),
    )
    figures = [lost]
    for name, share, goal in (("p50_ms", 0.5, ""), ("p99_ms", 0.99, f"<= {P99_GOAL_MS:g}")):
        figure = Figure(
            name=name,
            value=quantile(ours, share),
            unit="ms",
            goal=goal,
            rival=RIVAL,
            rival_value=quantile(rival, share),
        )
        figures.append(figure)
    return figures


if __name__ == "__main__":
    main()
