"""One daemon that reads from a feed process: its questions, the markets it listens to, how far it is behind."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, Final, Protocol

import structlog

from bot.feed.connection import Connection
from bot.feed.line_messages import BUILTIN, QUESTIONS, Message, decoded, encoded, failure_message
from bot.feed.shared_answers import ALONE
from strategies.errors import BadInput, ExchangeFailed, SigmaError

MOST_BEHIND: Final = 64 * 2**20  # bytes that wait for a daemon; one that does not read is hung up on, and catches up
EXTENSION: Final = frozenset({("GET", "clock"), ("GET", "market"), ("POST", "processed")})


class Served(Protocol):
    """Whoever serves it."""

    connection: Connection
    serves: dict[str, Any]

    async def join(self, names: list[str]) -> None: ...

    def leave(self, name: str) -> None: ...

    def welcome(self) -> Message: ...


class LineSession:
    """A daemon's line, seen from the feed process.

    Attributes:
        names: ccxt's names of the markets that it listens to.
        markets: the same, and the exchange's own ids.
    """

    def __init__(self, server: Served, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.names: set[str] = set()
        self.markets: set[str] = set()
        self._server = server
        self._connection = server.connection
        self._reader = reader
        self._writer = writer

    async def greet(self) -> bool:
        """Hear what a daemon wants, and welcome or refuse it."""
        try:
            wanted = decoded(await self._reader.readline()).get("hello")
        except (BadInput, OSError, ValueError):
            return False
        if wanted != self._server.serves:
            found, needed = _said(self._server.serves), _said(wanted)
            self.send(encoded({"refused": f"the feed process serves {found}; this daemon needs {needed}"}))
            return False
        self.send(encoded(self._server.welcome()))
        return True

    async def run(self) -> None:
        """Serve until the daemon hangs up."""
        async with asyncio.TaskGroup() as group:
            asked: set[asyncio.Task[None]] = set()
            try:
                while line := await self._reader.readline():
                    for job in self._jobs(decoded(line)):
                        task = group.create_task(job, name="feed question")
                        asked.add(task)
                        task.add_done_callback(asked.discard)
            except (OSError, ValueError, BadInput):
                pass  # it is gone, or no daemon
            for task in asked:
                task.cancel()

    def send(self, line: bytes) -> None:
        """Send a message, unless the daemon has not read for long."""
        if self._writer.is_closing():
            return
        self._writer.write(line)
        if self._writer.transport.get_write_buffer_size() > MOST_BEHIND:
            structlog.get_logger("feed").warning("daemon does not read the feed", bytes=MOST_BEHIND)
            self._writer.transport.abort()

    def hang_up(self) -> None:
        """End the line."""
        self._writer.close()

    def _jobs(self, message: Message) -> Iterator[Coroutine[Any, Any, None]]:
        if "ask" in message:
            yield self._answer(message)
        if message.get("join"):
            yield self._join([str(name) for name in message["join"]])
        for name in message.get("leave", ()):
            self.names.discard(name)
            self._server.leave(name)

    async def _join(self, names: list[str]) -> None:
        try:
            await self._server.join(names)
        except SigmaError as error:
            structlog.get_logger("feed").warning("markets not joined", error=str(error))
            self.hang_up()  # it dials again, and asks again
            return
        known = self._connection.rest.client.markets or {}
        self.names |= set(names)
        self.markets |= set(names) | {known[name]["id"] for name in names if name in known}

    async def _answer(self, message: Message) -> None:
        number = message["ask"]
        try:
            answer: Message = {"answer": number, "value": await self._asked(message)}
        except SigmaError as error:
            answer = {"answer": number, "failed": failure_message(error)}
        except (TypeError, ValueError, LookupError) as error:
            answer = {
                "answer": number,
                "failed": failure_message(ExchangeFailed(f"{message} cannot be asked: {error}")),
            }
        self.send(encoded(answer))

    async def _asked(self, message: Message) -> Any:
        method, args, params = str(message["method"]), list(message["args"]), dict(message["params"])
        if method not in QUESTIONS:
            raise BadInput(f"{method!r} is no question of the feed; one of {', '.join(sorted(QUESTIONS))} is needed")
        if method == BUILTIN:
            return await self._extension(*args)
        if method in ALONE:
            return await self._connection.rest.ask(method, *args, **params)
        async with self._connection.slots:
            return await self._connection.rest.ask(method, *args, **params)

    async def _extension(self, method: str, name: str, body: Message | None) -> Any:
        """Ask the built-in exchange; what a daemon has processed counts with what the others have."""
        builtin = self._connection.builtin
        if builtin is None or (method, name) not in EXTENSION:
            raise BadInput(f"{method} {name} is no question of this feed")
        if name != "processed":
            return await builtin.ask(method, name)
        self._connection.processed(id(self), int((body or {})["minute_ms"]))
        return await builtin.ask("GET", "clock")


def _said(serves: Any) -> str:
    if not isinstance(serves, dict):
        return "nothing it names"
    return f"{serves.get('exchange')} {serves.get('market')} (protocol {serves.get('protocol')})"
