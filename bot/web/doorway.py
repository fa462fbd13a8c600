"""Connection limit: how many are held at once, and who makes room when there are too many.

A connection that has not sent a whole request yet costs its owner nothing: those go first, the oldest before the
others, then requests of nobody we know. A caller with a token or a session is never sent away for a stranger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from aiohttp import web


class Doorway:
    """Makes aiohttp's protocols, `most` at a time.

    Args:
        most: connections held at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._server: web.Server | None = None
        self._busy: dict[object, bool] = {}  # protocol: whether its caller is known
        self._is_full = False

    def leads_to(self, server: web.Server) -> None:
        """Name the server that the connections are for."""
        self._server = server

    def __call__(self) -> asyncio.Protocol:
        """Return the protocol of a new connection, making room for it where there is none."""
        assert self._server is not None
        held = [part for part in self._server.connections if part.transport is not None]
        if len(held) < self._most:
            self._is_full = False
        elif not self._makes_room(held):
            return _Refused()
        return self._server()

    @contextmanager
    def answering(self, request: web.Request, *, is_known: bool) -> Iterator[None]:
        """Keep a connection's place while its request is answered."""
        protocol = request.protocol
        self._busy[protocol] = is_known
        try:
            yield
        finally:
            self._busy.pop(protocol, None)

    def _makes_room(self, held: list[web.RequestHandler]) -> bool:
        if not self._is_full:
            self._is_full = True
            structlog.get_logger("web").warning("too many connections, the oldest make room", held=len(held))
        idle = (part for part in held if part not in self._busy)
        strangers = (part for part in held if self._busy.get(part) is False)
        chosen = next(idle, None) or next(strangers, None)
        if chosen is None:
            return False
        transport = chosen.transport
        chosen.force_close()
        if transport is not None:
            transport.abort()  # a reader that takes nothing would keep a closing one open
        return True


class _Refused(asyncio.Protocol):
    """Closes at once: every place is taken by somebody we know."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
