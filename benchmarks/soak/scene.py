"""One scene of real minutes: the feed with a real exchange's clock, while clocks, names and the exchange misbehave.

    python -m benchmarks.soak.scene restart --minutes 4 --seed 7

The built-in exchange runs at the pace of real time and is watched as `binanceusdm`; what misbehaves begins seconds
before a minute's close. Every minute's candles must be what the exchange traded. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

import numpy as np

import bot.clock
from bot.clock import SystemClock, wall_ms
from bot.feed.connection import Connection
from bot.feed.source import FeedSource
from bot.simulator.conductor import Pace
from bot.simulator.faults.faults import fault_of
from bot.simulator.market.generated import DEMO_SYMBOLS, GeneratedMarket
from bot.simulator.server import Door, ExchangeServer
from bot.simulator.stored_clock import StoredClock
from storage.config.market import ExchangeSettings, FeedSettings
from strategies.market import MINUTE_MS, Market
from strategies.minute import AccountMinute
from tests.bot.feed.stage import settled_bars

BACK: Final = 3  # minutes that lie behind when the feed starts
CLOSE_IN_S: Final = 12.0  # seconds from the start to the first close
PATIENCE_S: Final = 150.0  # beyond the minutes that are waited for
OUTAGE_S: Final = 25.0
SETTINGS: Final = FeedSettings(close_deadline_s=90.0, stale_after_s=15.0)  # nothing leaves absent before it could come
Act = Callable[["Scene"], Awaitable[None]]


class Scene:
    """The exchange, the machine's clock, and what is done to them."""

    def __init__(self, seed: int, folder: Path) -> None:
        self._folder = folder
        now_ms = wall_ms()
        self._start_ms = now_ms // MINUTE_MS * MINUTE_MS + round(MINUTE_MS - CLOSE_IN_S * 1000)
        self.market = GeneratedMarket(seed, DEMO_SYMBOLS, start_ms=self._start_ms)
        self.server = self._made(self._start_ms, 0)
        self.is_named = True
        self.step_ms = float(self._start_ms - now_ms)  # the machine's clock is the exchange's, to begin with
        self._real_wall_ms = bot.clock.wall_ms
        bot.clock.wall_ms = lambda: self._real_wall_ms() + round(self.step_ms)

    async def restart(self, down_s: float = OUTAGE_S) -> None:
        """End the exchange, and let it come back later; its market goes on meanwhile."""
        port, before_ms = int(self.server.url.rsplit(":", 1)[1]), self.server.clock.now_ms()
        loop = asyncio.get_running_loop()
        since_s = loop.time()
        await self.server.stop()
        await asyncio.sleep(down_s)
        self.server = self._made(before_ms + round((loop.time() - since_s) * 1000), port)
        await self.server.start()

    def fault(self, *faults: str) -> None:
        """Let the exchange misbehave from now on, and in no other way."""
        self.server.fault_box.replace([fault_of(fault) for fault in faults])

    def _made(self, now_ms: int, port: int) -> ExchangeServer:
        """Return an exchange whose market stands at a time: it goes on where its stored clock says."""
        StoredClock(self._folder, self.market.description).save(now_ms)
        pace, door = Pace(speed=1.0, ticks_per_minute=30), Door(port=port)
        return ExchangeServer(self.market, pace, door=door, state_folder=self._folder)


async def step(here: Scene, ms: float, back_after_s: float = 0.0) -> None:
    """Set the machine's clock by so much, and perhaps back again."""
    here.step_ms += ms
    if back_after_s:
        await asyncio.sleep(back_after_s)
        here.step_ms -= ms


async def no_names(here: Scene) -> None:
    """Let no name be found for a while, with the sockets lost at its beginning."""
    here.is_named = False
    here.fault("close:count=1")
    await asyncio.sleep(OUTAGE_S)
    here.is_named = True


async def restart_with_step(here: Scene, ms: float) -> None:
    """Set the machine's clock in the middle of a reconnect."""
    ending = asyncio.create_task(here.restart())
    await asyncio.sleep(OUTAGE_S / 2)
    here.step_ms += ms
    await ending


async def drift(here: Scene, ms_a_second: float) -> None:
    """Let the machine's clock run too fast or too slowly, for good."""
    while True:
        here.step_ms += ms_a_second / 10
        await asyncio.sleep(0.1)


async def lie(here: Scene, ms: int, seconds: float) -> None:
    """Let the exchange state another time for a while."""
    here.fault(f"skew:ms={ms}")
    await asyncio.sleep(seconds)
    here.fault()


SCENES: Final[dict[str, Act]] = {
    "exchange started again": Scene.restart,
    "names not found": no_names,
    "clock +3 s in a reconnect": lambda here: restart_with_step(here, 3_000),
    "clock -3 s in a reconnect": lambda here: restart_with_step(here, -3_000),
    "clock -1 h in a reconnect": lambda here: restart_with_step(here, -3_600_000),
    "clock +24 h for 8 s": lambda here: step(here, 86_400_000, 8.0),
    "clock -10 min": lambda here: step(here, -600_000),
    "clock drifts by 50 ms a second": lambda here: drift(here, 50.0),
    "exchange's clock +24 h for 8 s": lambda here: lie(here, 86_400_000, 8.0),
    "exchange's clock -90 s for 20 s": lambda here: lie(here, -90_000, 20.0),
}


async def played(name: str, minutes: int, seed: int, folder: Path) -> dict[str, Any]:
    """Play a scene; return how many candles there were, and how many are missing or differ."""
    here = Scene(seed, folder)
    loop = asyncio.get_running_loop()
    resolve = loop.getaddrinfo

    async def getaddrinfo(host: Any, *words: Any, **options: Any) -> Any:
        if not here.is_named:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return await resolve(host, *words, **options)

    loop.getaddrinfo = getaddrinfo  # type: ignore[method-assign]
    url = (await here.server.start()).replace("127.0.0.1", "localhost")
    clock = SystemClock()
    exchange = ExchangeSettings(name="binanceusdm", symbols=DEMO_SYMBOLS, url=url)
    async with FeedSource(Connection(exchange, SETTINGS, clock, url=url)) as source:
        markets = await source.markets(DEMO_SYMBOLS)
        after_ms = here.server.clock.now_ms() // MINUTE_MS * MINUTE_MS - (BACK + 1) * MINUTE_MS
        acting = asyncio.create_task(_act(here, SCENES[name]))
        try:
            taken = await _read(source, after_ms, BACK + minutes)
        finally:
            acting.cancel()
            await asyncio.gather(acting, return_exceptions=True)
        wrong = _wrong(here, markets, taken, after_ms, BACK + minutes)
        revisions, conditions = len(source.revisions), dict(source.conditions)
    await here.server.stop()
    return {"tried": (BACK + minutes) * len(markets), "lost": wrong, "revisions": revisions, "said": list(conditions)}


async def _act(here: Scene, act: Act) -> None:
    await asyncio.sleep(CLOSE_IN_S / 2)
    await act(here)


async def _read(source: FeedSource, after_ms: int, count: int) -> list[AccountMinute]:
    taken: list[AccountMinute] = []
    try:
        async with asyncio.timeout(count * 60 + PATIENCE_S), aclosing(source.minutes(after_ms)) as stream:
            async for minute in stream:
                taken.append(minute)
                if len(taken) == count:
                    break
    except TimeoutError:
        pass  # what did not come is counted as missing
    return taken


def _wrong(here: Scene, markets: list[Market], taken: list[AccountMinute], after_ms: int, count: int) -> int:
    """Return how many candles are missing or are not what was traded."""
    first_ms = after_ms + MINUTE_MS
    truth = [
        market.bars(here.market.minutes(market.symbol, first_ms, first_ms + count * MINUTE_MS)) for market in markets
    ]
    in_order = [minute.open_ms for minute in taken] == [first_ms + n * MINUTE_MS for n in range(len(taken))]
    if not taken or not in_order:
        return count * len(markets)
    bars = settled_bars(taken)
    differing = (bars != np.stack(truth, axis=1)[: len(taken)]).any(axis=2).sum()
    return int(differing) + (count - len(taken)) * len(markets)


def main() -> int:
    """Play one scene."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak.scene", description=__doc__)
    parser.add_argument("scene", choices=list(SCENES))
    parser.add_argument("--minutes", type=int, default=4)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sigma-scene-") as folder:
        found = asyncio.run(played(options.scene, options.minutes, options.seed, Path(folder)))
    print(json.dumps(found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
