"""A daemon's line to a feed process: questions to the exchange, and what its sockets bring, over one Unix socket.

Stands where the exchange's own client would. A line that is lost is dialled again; what was missed meanwhile is
fetched by REST through the line, as after the loss of any socket.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot.clock import Clock, SystemClock
from bot.feed.audience import Audience, Listener
from bot.feed.clients import note_asked
from bot.feed.line_messages import (
    BUILTIN,
    LONGEST_LINE,
    PROTOCOL,
    Message,
    decoded,
    encoded,
    failure_of,
    frame_of,
    socket_path,
)
from bot.feed.listing import remember_markets
from bot.waiting import Backoff, Outage, elapsed_s
from strategies.errors import BadInput, ExchangeFailed

SILENT_S: Final = 15.0  # without a sign of life after which the line is dialled again
LONGEST_WAIT_S: Final = 5.0
DIAL_S: Final = 10.0


class FeedLine:
    """Asks and listens through a feed process; `Asking` and the streams of one connection.

    Attributes:
        count: sockets that the feed process holds, as it says.
    """

    def __init__(
        self, address: str, client: Any, *, exchange: str, kind: str, clock: Clock, counters: Counter[str]
    ) -> None:
        """Prepare; nothing is dialled before something is asked.

        Args:
            address: `unix:PATH` of the feed process.
            client: of ccxt.pro; told the markets, never connected.
            exchange, kind: what the feed process has to serve.
            clock: told the exchange's time.
            counters: told what happened at the feed process.
        """
        self.count = 0
        self.address = address
        self._client = client
        self._hello = {"protocol": PROTOCOL, "exchange": exchange, "market": kind}
        self._clock = clock
        self._counters = counters
        self._audience = Audience()
        self._open: frozenset[str] = frozenset()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count()
        self._dialling = asyncio.Lock()
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._heard_s = 0.0
        self._outage = Outage("feed process", logger="feed", address=address)

    async def ask(self, method: str, args: Sequence[Any], params: Mapping[str, Any]) -> Any:
        """Return what the exchange answers; see `Asking`."""
        if method == "load_markets" and self._client.markets and not any(args):
            return self._client.markets
        note_asked()
        answer = await self._answer(method, args, params)
        if method == "load_markets":
            self._client.set_markets(list(answer.values()))
            return self._client.markets
        if method == "fetch_markets":
            remember_markets(self._client, answer)
        return answer

    async def ask_builtin(self, method: str, name: str, body: Message | None = None) -> Any:
        """Return what the built-in exchange's own extension answers."""
        return await self._answer(BUILTIN, (method, name, body), {})

    def join(self, listener: Listener, names: Sequence[str]) -> None:
        """Let a feed listen to markets (ccxt's names)."""
        new = [name for name in names if self._audience.join(listener, name, self._client.market(name)["id"])]
        self._send({"join": new})

    def leave(self, listener: Listener, name: str) -> None:
        """Let a feed listen to a market no longer."""
        if self._audience.leave(listener, name):
            self._send({"leave": [name]})

    def open_names(self) -> frozenset[str]:
        """Return the markets whose stream is open at the feed process; none while the line is lost."""
        return self._open

    def conditions(self) -> dict[str, str]:
        """Return what is wrong with the line, by name, in words."""
        text = f"the feed process at {self.address} does not answer; minutes come again when `sigma feed` runs"
        return {"feed process": text} if self._outage.is_open else {}

    async def hold(self) -> None:
        """Keep the line up until cancelled."""
        backoff = Backoff(longest_s=LONGEST_WAIT_S)
        while True:
            try:
                await self._dialled()
                self._outage.end()
                backoff.reset()
                await self._until_lost()
            except (ExchangeFailed, BadInput) as error:
                self._outage.begin(error)
                self._counters["reconnects"] += 1
                await asyncio.sleep(backoff.next_s())

    async def close(self) -> None:
        """Hang up."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        self._lose("the line was closed")

    async def _answer(self, method: str, args: Sequence[Any], params: Mapping[str, Any]) -> Any:
        await self._dialled()
        number, answer = next(self._numbers), asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            self._send({"ask": number, "method": method, "args": list(args), "params": dict(params)})
            return await answer
        finally:
            self._asked.pop(number, None)

    async def _dialled(self) -> None:
        """Dial if the line is not up.

        Raises:
            ExchangeFailed: nobody answers there.
            BadInput: what answers serves another exchange, or is another version.
        """
        async with self._dialling:
            if self._writer is not None:
                return
            path = socket_path(self.address)
            try:
                async with asyncio.timeout(DIAL_S):
                    reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST_LINE)
                    writer.write(encoded({"hello": self._hello}))
                    welcome = decoded(await reader.readline() or b"{}")
            except (OSError, TimeoutError, ValueError) as error:
                why = getattr(error, "strerror", None) or str(error) or type(error).__name__
                text = f"the feed process at {self.address} cannot be reached: {why}; `sigma feed` starts it"
                raise ExchangeFailed(text) from error
            if "welcome" not in welcome:
                writer.close()
                if "refused" in welcome:
                    raise BadInput(str(welcome["refused"]))
                raise ExchangeFailed(f"the feed process at {self.address} hung up")
            self._writer, self._heard_s = writer, elapsed_s()
            self._reading = asyncio.create_task(self._read(reader), name="feed line")
            self._take(welcome["welcome"])
            self._send({"join": list(self._audience)})

    async def _until_lost(self) -> None:
        """Return never; raise when the line is lost or silent.

        Raises:
            ExchangeFailed: it is.
        """
        while self._reading is not None and not self._reading.done():
            left_s = self._heard_s + SILENT_S - elapsed_s()
            if left_s <= 0:
                self._reading.cancel()
                self._lose(f"no sign of life for {SILENT_S:g} s")
                break
            await asyncio.wait([self._reading], timeout=left_s)
        raise ExchangeFailed(f"the line to the feed process at {self.address} was lost")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        why = "the feed process hung up"
        try:
            while line := await reader.readline():
                self._heard_s = elapsed_s()
                self._take(decoded(line))
        except (OSError, ValueError, LookupError, TypeError, BadInput) as error:
            why = str(error)
        self._lose(why)

    def _take(self, message: Message) -> None:
        """Take whatever a message holds."""
        if "frame" in message:
            self._on_frame(message["frame"])
        elif "row" in message:
            name, row = message["row"]
            for listener in self._audience.of(name):
                listener.on_row(name, row)
        elif "answer" in message:
            self._on_answer(message)
        elif "lost" in message:
            self._audience.lost(message["lost"])
        if "time" in message and isinstance(self._clock, SystemClock):
            stamp_ms, until_ms, asked_ms = message["time"]
            self._clock.observe(stamp_ms, until_ms=until_ms, asked_ms=asked_ms)
        if "open" in message:
            self._open = frozenset(message["open"])
        self.count = message.get("sockets", self.count)
        self._counters.update(message.get("counters", {}))

    def _on_frame(self, fields: list[Any]) -> None:
        frame = frame_of(fields)
        if frame.event_ms is not None and isinstance(self._clock, SystemClock):
            self._clock.observe(frame.event_ms)
        for listener in self._audience.of_id(frame.market_id):
            listener.on_frame(frame)

    def _on_answer(self, message: Message) -> None:
        answer = self._asked.get(message["answer"])
        if answer is None or answer.done():
            return
        if "failed" in message:
            answer.set_exception(failure_of(message["failed"]))
        else:
            answer.set_result(message["value"])

    def _send(self, message: Message) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(encoded(message))

    def _lose(self, why: str) -> None:
        """Fail whatever is asked, and say that all streams are lost."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        writer.close()
        self._open, self.count = frozenset(), 0
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(ExchangeFailed(f"the line to the feed process was lost: {why}"))
        self._audience.lost(list(self._audience))
