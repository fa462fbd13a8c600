"""The built-in exchange's own extension, as a client: its clock, its market, and telling it what has been processed.

Acknowledgements never hold the trader up: only the newest matters, and a task sends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp

from bot.waiting import Backoff, Outage
from strategies.errors import ExchangeFailed

TIMEOUT_S = 5.0
QUIET_S = 0.5  # wall seconds without an acknowledgement after which the exchange is asked for its time


class Builtin:
    """Speaks `/sigma/v1` with the exchange at `url`."""

    def __init__(self, url: str, on_time: Callable[[int], None] | None = None) -> None:
        self._url = f"{url.rstrip('/')}/sigma/v1"
        self._on_time = on_time
        self._processed_ms = -1
        self._news = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None
        self._outage = Outage("pacing", logger="feed", exchange="builtin")

    async def clock(self) -> dict[str, Any]:
        """Return `now_ms`, `speed` and `mode` of the market.

        Raises:
            ExchangeFailed: it cannot be reached.
        """
        return await self.ask("GET", "clock")

    async def market(self) -> dict[str, Any]:
        """Return `name`, `kind`, `edge` and `seed` of the market.

        Raises:
            ExchangeFailed: it cannot be reached.
        """
        return await self.ask("GET", "market")

    def processed(self, minute_ms: int) -> None:
        """Note that the minute `minute_ms` and all before it have been processed."""
        self._processed_ms = max(self._processed_ms, minute_ms)
        self._news.set()

    async def run(self) -> None:
        """Send the newest acknowledgement whenever there is one; ask for the time when there is none."""
        backoff = Backoff(longest_s=5.0)
        while True:
            try:
                async with asyncio.timeout(QUIET_S):
                    await self._news.wait()
            except TimeoutError:
                pass
            try:
                await self._send()
            except ExchangeFailed as error:
                self._outage.begin(error)
                await asyncio.sleep(backoff.next_s())
                continue
            self._outage.end()
            backoff.reset()

    async def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(self) -> None:
        if self._news.is_set():
            minute_ms = self._processed_ms
            self._news.clear()
            try:
                answer = await self.ask("POST", "processed", {"minute_ms": minute_ms})
            except ExchangeFailed:
                self._news.set()
                raise
        else:
            answer = await self.ask("GET", "clock")
        if self._on_time is not None:
            self._on_time(int(answer["now_ms"]))

    async def ask(self, method: str, name: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the answer to `GET` or `POST` of a name of the extension.

        Raises:
            ExchangeFailed: it cannot be reached.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))
        try:
            async with self._session.request(method, f"{self._url}/{name}", json=body) as response:
                if response.status != 200:
                    raise ExchangeFailed(f"the built-in exchange answered {response.status} to {name}; 200 was needed")
                answer = await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ExchangeFailed(f"the built-in exchange at {self._url} cannot be reached: {error}") from error
        if not isinstance(answer, dict):
            raise ExchangeFailed(f"the built-in exchange answered {answer!r} to {name}; a JSON object was needed")
        return answer
