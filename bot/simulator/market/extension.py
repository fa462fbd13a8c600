"""The `/sigma/v1` extension, which Binance has not: market clock, acknowledgement, description and faults."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from bot.simulator.conductor import Conductor, Pace
from bot.simulator.faults.fault_box import FaultBox
from bot.simulator.faults.faults import fault_of
from bot.simulator.market.source import MarketSource
from bot.simulator.protocol.rest import json_response
from strategies.errors import BadInput


class Extension:
    """The handlers of `/sigma/v1`."""

    def __init__(self, source: MarketSource, pace: Pace, conductor: Conductor, fault_box: FaultBox) -> None:
        self._source, self._pace, self._conductor, self._fault_box = source, pace, conductor, fault_box

    def routes(self) -> list[web.RouteDef]:
        """Return what is served."""
        return [
            web.get("/sigma/v1/clock", self._clock),
            web.post("/sigma/v1/processed", self._processed),
            web.get("/sigma/v1/market", self._market),
            web.get("/sigma/v1/faults", self._list_faults),
            web.post("/sigma/v1/faults", self._set_faults),
        ]

    def clock(self) -> dict[str, Any]:
        """Return where the market stands. `speed` is null in the paced mode."""
        return {
            "now_ms": self._conductor.now_ms(),
            "speed": self._pace.speed,
            "mode": "paced" if self._pace.speed is None else "scaled",
            "processed_ms": self._conductor.processed_ms,
            "end_ms": self._source.end_ms,
            "finished": self._conductor.is_finished,
        }

    def market(self) -> dict[str, Any]:
        """Return what is traded here, and whether an edge was planted."""
        description = self._source.description
        return {
            "name": description.name,
            "kind": description.kind,
            "edge": description.edge,
            "seed": description.seed,
            "symbols": list(self._source.instruments),
            "start_ms": self._source.start_ms,
            "end_ms": self._source.end_ms,
        }

    async def _clock(self, request: web.Request) -> web.Response:
        return json_response(self.clock())

    async def _market(self, request: web.Request) -> web.Response:
        return json_response(self.market())

    async def _processed(self, request: web.Request) -> web.Response:
        body = await _document(request)
        minute_ms = body.get("minute_ms") if isinstance(body, dict) else None
        if not isinstance(minute_ms, int) or minute_ms % 60_000:
            return _refused(f'minute_ms is {minute_ms!r}; {{"minute_ms": open of the minute}} is needed')
        try:
            self._conductor.processed(minute_ms)
        except BadInput as error:
            return _refused(str(error))
        return json_response(self.clock())

    async def _list_faults(self, request: web.Request) -> web.Response:
        return json_response({"faults": self._fault_box.report()})

    async def _set_faults(self, request: web.Request) -> web.Response:
        """Replace the faults by `{"faults": ["drop:p=0.01", ...]}`; an empty list ends them all."""
        body = await _document(request)
        texts = body.get("faults") if isinstance(body, dict) else None
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            return _refused('{"faults": ["drop:p=0.01", ...]} is needed')
        try:
            self._fault_box.replace([fault_of(text) for text in texts])
        except BadInput as error:
            return _refused(str(error))
        return json_response({"faults": self._fault_box.report()})


async def _document(request: web.Request) -> Any:
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        return None


def _refused(message: str) -> web.Response:
    return json_response({"error": message}, status=400)
