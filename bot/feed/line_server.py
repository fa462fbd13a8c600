"""The feed process' side of its lines: one connection to an exchange, read by the daemons of this machine.

It listens to every market that a daemon asked for, keeps listening while a daemon is away, and asks the exchange for
all of them: one gate, one request weight, equal questions once. It knows no accounts and keeps no candles; the minute
is made where it is traded.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from bot.clock import Clock, SystemClock
from bot.feed.candle import ClosedCandle
from bot.feed.clients import Frame
from bot.feed.connection import Connection
from bot.feed.line_messages import BEAT_S, LONGEST_LINE, PROTOCOL, Message, encoded, frame_message, socket_path
from bot.feed.line_session import LineSession
from bot.feed.validate import check
from bot.waiting import elapsed_s
from strategies.errors import AlreadyRunning, StorageFailed
from strategies.market import DAY_MS, MINUTE_MS

FORMING_S: Final = 1.0  # wall seconds between two frames of a forming candle that are passed on, as a sign of life
HELLO_S: Final = 10.0  # for a daemon to say who it is


class LineServer:
    """Serves daemons at one address."""

    def __init__(self, connection: Connection, clock: Clock, address: str, *, exchange: str, kind: str) -> None:
        """Prepare; nothing listens yet.

        Args:
            connection: to the exchange; shared.
            clock: its time.
            address: `unix:PATH`.
            exchange, kind: what the connection is to.
        """
        self.connection = connection
        self.address = address
        self.serves = {"protocol": PROTOCOL, "exchange": exchange, "market": kind}
        self._clock = clock
        self._path = Path(socket_path(address))
        self._sessions: set[LineSession] = set()
        self._open: list[str] = []
        self._told: Counter[str] = Counter()
        self._formed_s = 0.0
        self._rows: dict[str, object] = {}
        self._last_time: list[int] = []
        self._server: asyncio.Server | None = None
        self._log = structlog.get_logger("feed")

    async def start(self) -> None:
        """Listen.

        Raises:
            AlreadyRunning: another feed process answers there.
            StorageFailed: the socket cannot be made.
        """
        if _answers(self._path):
            raise AlreadyRunning(f"a feed process already answers at {self.address}; one is enough for this machine")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
            before = os.umask(0o177)  # nobody else of this machine may open it
            try:
                self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=LONGEST_LINE)
            finally:
                os.umask(before)
        except OSError as error:
            why = error.strerror or error
            raise StorageFailed(
                f"the socket {self._path} cannot be made: {why}; a writable folder is needed"
            ) from error
        if isinstance(self._clock, SystemClock):
            self._clock.on_answer = self._on_time

    async def run(self) -> None:
        """Give a sign of life every second until cancelled."""
        while True:
            await asyncio.sleep(BEAT_S)
            self._send_all(self._beat())

    async def stop(self) -> None:
        """Hang up on everybody and take the socket away."""
        if self._server is None:
            return
        self._server.close()
        for session in list(self._sessions):
            session.hang_up()
        self._path.unlink(missing_ok=True)

    # The exchange's side: a `Listener` of the streams.

    def on_frame(self, frame: Frame) -> bool:
        newest_ms = self._clock.now_ms() + DAY_MS
        is_candle = isinstance(check(frame.market_id, frame.row, step_ms=MINUTE_MS, newest_ms=newest_ms), ClosedCandle)
        if frame.is_closed or elapsed_s() - self._formed_s >= FORMING_S:
            self._formed_s = self._formed_s if frame.is_closed else elapsed_s()
            self._send_to(frame.market_id, frame_message(frame))
        return is_candle

    def on_row(self, name: str, row: Sequence[object]) -> None:
        if self._rows.get(name) != row[0]:
            self._rows[name] = row[0]
            self._send_to(name, {"row": [name, row]})

    def on_lost(self, names: Sequence[str]) -> None:
        self._open = [name for name in self._open if name not in set(names)]
        self._send_all({"lost": list(names), "open": self._open})

    # The daemons' side, called by their sessions.

    async def join(self, names: Sequence[str]) -> None:
        """Listen to markets; those that the exchange does not list bring nothing."""
        rest = self.connection.rest
        if any(name not in (rest.client.markets or {}) for name in names):
            await rest.ask("load_markets")
        self.connection.streams.join(self, [name for name in names if name in rest.client.markets])

    def leave(self, name: str) -> None:
        """Listen to a market no longer, if no daemon does."""
        if not any(name in session.names for session in self._sessions):
            self.connection.streams.leave(self, name)

    def welcome(self) -> Message:
        """Return what a daemon is told first."""
        told: Message = {"open": self._open, "sockets": self.connection.streams.count}
        return {"welcome": told | ({"time": self._last_time} if self._last_time else {})}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = LineSession(self, reader, writer)
        try:
            async with asyncio.timeout(HELLO_S):
                is_welcome = await session.greet()
        except TimeoutError:
            is_welcome = False
        if not is_welcome:
            session.hang_up()
            return
        self._sessions.add(session)
        self._log.info("daemon reads the feed", daemons=len(self._sessions))
        try:
            await session.run()
        finally:
            self._sessions.discard(session)
            self.connection.forget(id(session))
            session.hang_up()
            self._log.info("daemon left the feed", daemons=len(self._sessions))

    def _on_time(self, stamp_ms: int, until_ms: int, asked_ms: int) -> None:
        self._last_time = [stamp_ms, until_ms, asked_ms]
        self._send_all({"time": self._last_time})

    def _beat(self) -> Message:
        beat: Message = {"beat": True, "sockets": self.connection.streams.count}
        found = sorted(self.connection.streams.open_names())
        if found != self._open:
            self._open = beat["open"] = found
        grown = {name: count - self._told[name] for name, count in self.connection.counters.items()}
        if news := {name: more for name, more in grown.items() if more}:
            beat["counters"] = news
            self._told = Counter(self.connection.counters)
        return beat

    def _send_to(self, market: str, message: Message) -> None:
        line = b""
        for session in self._sessions:
            if market in session.markets:
                line = line or encoded(message)
                session.send(line)

    def _send_all(self, message: Message) -> None:
        line = encoded(message)
        for session in self._sessions:
            session.send(line)


def _answers(path: Path) -> bool:
    """Tell whether somebody answers at a socket; a file that is left over does not."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dialling:
        dialling.settimeout(1.0)
        try:
            dialling.connect(str(path))
        except OSError:
            return False
        return True
