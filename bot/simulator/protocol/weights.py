"""Binance's request weights: counted by the minute, told with every answer, refused with 429 above the limit."""

from __future__ import annotations

import asyncio
from typing import Final

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

USED: Final = "X-MBX-USED-WEIGHT-1M"
WINDOW_S: Final = 60.0
_KLINES: Final = ((100, 1), (500, 2), (1000, 5))  # (rows below, weight); 10 for more
_OTHERS: Final = {"ticker/24hr": 40, "exchangeInfo": 1, "fundingRate": 1, "premiumIndex": 10}


class Weights:
    """Counts what one address asks.

    Args:
        limit: weight a minute; 0: none is counted, told or refused. A fast market asks a day's requests in a minute:
            told how much that is, a client would wait for the minute's end, and the market for the client.
        window_s: seconds of a window.
    """

    def __init__(self, limit: int = 0, window_s: float = WINDOW_S) -> None:
        self.limit = limit
        self.refused = 0
        self._window_s = window_s
        self._window = -1
        self._used = 0

    def middleware(self) -> Middleware:
        """Return what stands before every request."""

        @web.middleware
        async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not self.limit or not request.path.startswith("/fapi/"):
                return await handler(request)
            now_s = asyncio.get_running_loop().time()
            window = int(now_s // self._window_s)
            if window != self._window:
                self._window, self._used = window, 0
            self._used += weight_of(request)
            if self._used > self.limit:
                self.refused += 1
                left_s = self._window_s - now_s % self._window_s
                body = orjson.dumps({"code": -1003, "msg": f"Too many requests; current limit is {self.limit}."})
                answer: web.StreamResponse = web.Response(body=body, status=429, content_type="application/json")
                answer.headers["Retry-After"] = str(max(1, round(left_s)))
            else:
                answer = await handler(request)
            answer.headers[USED] = str(self._used)
            return answer

        return count


def weight_of(request: web.Request) -> int:
    """Return the weight of a request, as Binance USDT-M states it."""
    name = request.path.removeprefix("/fapi/v1/")
    if name.lower().endswith("klines"):
        text = request.query.get("limit", "500")
        rows = int(text) if text.isdigit() else 500
        return next((weight for below, weight in _KLINES if rows < below or (rows == below == 1000)), 10)
    if "symbol" in request.query:
        return 1
    return _OTHERS.get(name, 1)
