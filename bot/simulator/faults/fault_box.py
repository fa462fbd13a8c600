"""Fault injection: between the ticker and the sockets, and around every REST answer.

Draws come from generators seeded per fault, so one seed and one order of events give the same faults. Every fault
counts what it has produced; `GET /sigma/v1/faults` tells.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.simulator.faults import garbage
from bot.simulator.faults.faults import Fault, FaultKind
from bot.simulator.market.chart import Chart
from bot.simulator.protocol.hub import Frame, Hub
from strategies.market import MINUTE_MS


class ArmedFault:
    """A fault, its generator, and how often it has struck."""

    def __init__(self, fault: Fault, seed: int, index: int) -> None:
        self.fault, self.produced = fault, 0
        self._key = [seed, index]
        self._rng = np.random.default_rng(self._key)
        self._from_ms = fault.at_ms

    def is_active(self, now_ms: int) -> bool:
        """Whether `now_ms` lies in its time and it may strike again."""
        if self._from_ms is None:
            self._from_ms = now_ms
        minutes, count = self.fault.minutes, self.fault.count
        until_ms = None if minutes is None else self._from_ms + minutes * MINUTE_MS
        if now_ms < self._from_ms or (until_ms is not None and now_ms >= until_ms):
            return False
        return count is None or self.produced < count

    def strikes(self, now_ms: int, symbol: str = "") -> bool:
        """Draw whether it happens now, and count it."""
        if not self.is_active(now_ms) or (symbol and not self.fault.concerns(symbol)):
            return False
        if self.fault.p < 1 and self._rng.random() >= self.fault.p:
            return False
        self.produced += 1
        return True

    def hides(self, symbol: str, open_ms: int, now_ms: int) -> bool:
        """Whether a gap covers the minute at `open_ms`: a function of the minute, the same whenever it is asked."""
        if self._from_ms is None:
            self._from_ms = now_ms
        fault = self.fault
        until_ms = float("inf") if fault.minutes is None else self._from_ms + fault.minutes * MINUTE_MS
        if not self._from_ms <= open_ms < until_ms or not fault.concerns(symbol):
            return False
        return (
            fault.p >= 1 or np.random.default_rng([*self._key, zlib.crc32(symbol.encode()), open_ms]).random() < fault.p
        )


class FaultBox:
    """All armed faults; a `Deliverer` of frames and a middleware of REST.

    Args:
        chart: tells which symbols exist.
        hub: where frames go in the end.
        faults: armed from the start.
        seed: of all draws.
    """

    def __init__(self, chart: Chart, hub: Hub, faults: Sequence[Fault], seed: int) -> None:
        self._chart, self._hub, self._seed = chart, hub, seed
        self._delayed: list[tuple[int, Frame]] = []  # due market time and frame
        self._armed: list[ArmedFault] = []
        self.replace(faults)

    def replace(self, faults: Sequence[Fault]) -> None:
        """Arm these faults and no others."""
        self._armed = [ArmedFault(fault, self._seed, index) for index, fault in enumerate(faults)]

    def report(self) -> list[dict[str, Any]]:
        """Return every armed fault with how often it has struck."""
        return [{**asdict(armed.fault), "produced": armed.produced} for armed in self._armed]

    def skew_ms(self, now_ms: int) -> int:
        """Return how wrong the exchange's clock is."""
        return sum(armed.fault.ms for armed in self._of("skew") if armed.strikes(now_ms))

    async def deliver(self, frames: list[Frame], now_ms: int) -> None:
        """Send the frames of one moment, as far as the faults let them through."""
        due = [frame for due_ms, frame in self._delayed if due_ms <= now_ms]
        self._delayed = [(due_ms, frame) for due_ms, frame in self._delayed if due_ms > now_ms]
        if self._armed:
            if any(armed.strikes(now_ms) for armed in self._of("close")):
                await self._hub.close()
            frames = [sent for frame in frames for sent in self._afflicted(frame, now_ms)]
        for session in list(self._hub.sessions):
            await session.send([*frames, *due])

    def middleware(self, now_ms: Callable[[], int]) -> Middleware:
        """Return the middleware that afflicts `/fapi` answers."""

        @web.middleware
        async def afflict(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not self._armed or not request.path.startswith("/fapi"):
                return await handler(request)
            return self._answer(request, await handler(request), now_ms())

        return afflict

    def _afflicted(self, frame: Frame, now_ms: int) -> list[Frame]:
        """Return what becomes of one frame: nothing, itself, two of it, or nonsense."""
        sent = [frame]
        for armed in self._armed:
            match armed.fault.kind:
                case "drop" | "stall" if armed.strikes(now_ms, frame.symbol):
                    return []
                case "gap" if armed.hides(frame.symbol, frame.open_ms, now_ms):
                    armed.produced += 1
                    return []
                case "delay" if armed.strikes(now_ms, frame.symbol):
                    self._delayed += [(now_ms + armed.fault.ms, late) for late in sent]
                    return []
                case "reorder" if armed.strikes(now_ms, frame.symbol):
                    self._delayed += [(now_ms + 1, late) for late in sent]
                    return []
                case "duplicate" if armed.strikes(now_ms, frame.symbol):
                    sent = [*sent, *sent]
                case "wild" if self._is_wild(armed, frame, now_ms):
                    sent = [garbage.wild_frame(each, armed.fault.factor) for each in sent]
                case "garbage" if armed.fault.where == "ws" and armed.strikes(now_ms, frame.symbol):
                    sent = [garbage.frame(each, armed.fault.form) for each in sent]
        return sent

    def _answer(self, request: web.Request, response: web.StreamResponse, now_ms: int) -> web.StreamResponse:
        symbol = request.query.get("symbol", "")
        for armed in self._armed:
            fault = armed.fault
            if fault.kind == "http" and armed.strikes(now_ms, symbol):
                return garbage.refusal(fault.status, fault.retry_after_s)
            if fault.kind == "garbage" and fault.where == "rest" and armed.strikes(now_ms, symbol):
                return garbage.answer(request, response, fault.form)
            if fault.kind == "wild" and fault.where == "rest" and _is_minutes(request):
                response = garbage.wild_rows(response, fault.factor, partial(self._hides, armed, symbol, now_ms))
            if fault.kind == "gap" and fault.rest_minutes and request.query.get("interval") == "1m":
                response = self._without_gap(armed, symbol, response, now_ms)
        return response

    def _is_wild(self, armed: ArmedFault, frame: Frame, now_ms: int) -> bool:
        if armed.fault.where == "ws":
            return armed.strikes(now_ms, frame.symbol)
        return self._hides(armed, frame.symbol, now_ms, frame.open_ms)

    def _hides(self, armed: ArmedFault, symbol: str, now_ms: int, open_ms: int) -> bool:
        is_hit = armed.hides(symbol, open_ms, now_ms)
        armed.produced += is_hit
        return is_hit

    def _without_gap(
        self, armed: ArmedFault, symbol: str, response: web.StreamResponse, now_ms: int
    ) -> web.StreamResponse:
        """Return the answer without the minutes that REST shows only later."""
        shown_before_ms = now_ms - armed.fault.rest_minutes * MINUTE_MS

        def is_shown(row: list[Any]) -> bool:
            return row[0] < shown_before_ms or not armed.hides(symbol, row[0], now_ms)

        return garbage.rows_where(response, is_shown)

    def _of(self, kind: FaultKind) -> list[ArmedFault]:
        return [armed for armed in self._armed if armed.fault.kind == kind]


def _is_minutes(request: web.Request) -> bool:
    return request.path.endswith("/klines") and request.query.get("interval") == "1m"
