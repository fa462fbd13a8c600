"""The built-in exchange as one object: start it, get its address, stop it.

Runs as its own program (`sigma exchange`) or as one task of the daemon, which then shares `clock`. Bound to loopback.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from bot.clock import Clock
from bot.simulator.conductor import Conductor, Pace
from bot.simulator.faults.fault_box import FaultBox
from bot.simulator.faults.faults import Fault
from bot.simulator.market.chart import Chart
from bot.simulator.market.extension import Extension
from bot.simulator.market.source import MarketSource
from bot.simulator.protocol.hub import Hub
from bot.simulator.protocol.rest import Rest
from bot.simulator.protocol.ticker import Ticker
from bot.simulator.protocol.weights import Weights
from bot.simulator.stored_clock import StoredClock
from strategies.errors import AlreadyRunning

_STREAM_PATHS: Final = ("/ws", "/market/ws", "/public/ws", "/private/ws", "/stream", "/market/stream", "/public/stream")
_LARGEST_BODY: Final = 1 << 20
_CLOSE_TIMEOUT_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How clients come in.

    Attributes:
        host, port: where to listen; port 0 takes a free one.
        deflate: accept permessage-deflate, as Binance does; within one machine it only costs.
        weight_limit: request weight a minute above which REST is refused; 0: never.
    """

    host: str = "127.0.0.1"
    port: int = 0
    deflate: bool = True
    weight_limit: int = 0


class ExchangeServer:
    """Serves one market to any number of clients.

    Args:
        source: the market.
        pace: how fast it runs.
        door: where to listen, and what to accept.
        state_folder: where the market clock is stored; None forgets it.
        reset_clock: begin at the source's start whatever is stored.
        faults: what goes wrong, besides what `POST /sigma/v1/faults` adds.
        seed: of the faults' draws.
    """

    def __init__(
        self,
        source: MarketSource,
        pace: Pace | None = None,
        *,
        door: Door = Door(),
        state_folder: Path | None = None,
        reset_clock: bool = False,
        faults: Sequence[Fault] = (),
        seed: int = 0,
    ) -> None:
        self._door = door
        self._runner: web.AppRunner | None = None
        self._beat: asyncio.Task[None] | None = None
        self.source, self.pace = source, pace or Pace()
        stored = StoredClock(state_folder, source.description)
        resumed_ms = None if reset_clock else stored.load()
        now_ms = source.start_ms if resumed_ms is None else max(resumed_ms, source.start_ms)
        chart = Chart(source)
        self.hub = Hub(lambda: self.conductor.changed(), deflate=door.deflate)
        self.fault_box = FaultBox(chart, self.hub, faults, seed)
        self.conductor = Conductor(Ticker(chart), self.hub, self.fault_box, self.pace, now_ms, stored, source.end_ms)
        now = self.conductor.now_ms
        self._rest = Rest(chart, now, lambda: now() + self.fault_box.skew_ms(now()))
        self.weights = Weights(door.weight_limit)
        self._extension = Extension(source, self.pace, self.conductor, self.fault_box)

    @property
    def clock(self) -> Clock:
        """The market clock; a daemon in the same process uses it as its own."""
        return self.conductor.clock

    @property
    def url(self) -> str:
        """The base address, without a slash at the end.

        Raises:
            RuntimeError: not started.
        """
        if self._runner is None:
            raise RuntimeError("the exchange has no address before start()")
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def start(self) -> str:
        """Listen, let the clock run, and return the base address.

        The market's past is walked in a thread first, so that no client waits for it.

        Raises:
            AlreadyRunning: the port is taken.
        """
        await asyncio.to_thread(self._warm)
        application = web.Application(
            client_max_size=_LARGEST_BODY,
            middlewares=[self.weights.middleware(), self.fault_box.middleware(self.conductor.now_ms)],
        )
        application.add_routes(self._rest.routes())
        application.add_routes(self._extension.routes())
        for path in _STREAM_PATHS:
            application.add_routes([web.get(path, self.hub.serve), web.get(path + "/{tail:.*}", self.hub.serve)])
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=_CLOSE_TIMEOUT_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._door.host, self._door.port).start()
        except OSError as error:
            await runner.cleanup()
            if error.errno == errno.EADDRINUSE:
                raise AlreadyRunning(
                    f"port {self._door.port} on {self._door.host} is taken; choose another or 0 for any"
                ) from error
            raise
        self._runner = runner
        self._beat = asyncio.create_task(self.conductor.run(), name="exchange-conductor")
        return self.url

    def _warm(self) -> None:
        now_ms = self.conductor.now_ms()
        for symbol in self.source.instruments:
            self.source.minutes(symbol, now_ms, now_ms + 1)

    async def wait(self) -> None:
        """Return when a replay has ended; raise what stopped the market."""
        if self._beat is not None:
            await asyncio.shield(self._beat)

    async def stop(self) -> None:
        """Stop the market, store its clock, close every client. Harmless when not started."""
        beat, self._beat = self._beat, None
        if beat is not None:
            beat.cancel()
            await asyncio.wait([beat])
            self.conductor.save()
        runner, self._runner = self._runner, None
        if runner is not None:
            await self.hub.close()
            await runner.cleanup()
