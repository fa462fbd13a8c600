"""The stream of events: numbered, kept for those who were away for a moment, and never waiting for a slow reader.

Ids go up by one, across restarts too: the first one is derived from the clock. An event is encoded once for all.
Knows nothing of sockets.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final

import orjson

KEPT_EVENTS: Final = 2_000
KEPT_BYTES: Final = 8 << 20  # a status of two hundred markets has a hundred thousand
WAITING_EVENTS: Final = 256
MAX_SUBSCRIBERS: Final = 200
IDS_PER_MS: Final = 1_000

Encoded = tuple[int, str, bytes]  # id, kind, message


class Subscription:
    """What one reader has still to be sent. `ended` is set, with `why`, when nothing more will come.

    Args:
        waiting: how many messages may wait.
        without: kinds of events that this reader does not want.
        is_known: a stranger's place is given to somebody who is.
    """

    def __init__(self, waiting: int, without: frozenset[str] = frozenset(), *, is_known: bool = False) -> None:
        self.without = without
        self.is_known = is_known
        self.queue: asyncio.Queue[bytes] = asyncio.Queue(maxsize=waiting)
        self.ended = asyncio.Event()
        self.why = ""

    def end(self, why: str) -> None:
        """Say that nothing more will come."""
        self.why = self.why or why
        self.ended.set()

    def offer(self, message: bytes) -> bool:
        """Queue a message; return False, and end, when the reader is too slow."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.end(f"too slow: {self.queue.maxsize} events wait")
            return False
        return True


class Hub:
    """Takes events and gives them to every subscriber.

    Args:
        now_ms: the wall clock when the daemon started; ids begin there, so that they go up across restarts.
        kept: how many events a reader may have missed.
        waiting: how many may wait for one reader before it is dropped.
    """

    def __init__(self, now_ms: int, *, kept: int = KEPT_EVENTS, waiting: int = WAITING_EVENTS) -> None:
        self.last_id = now_ms * IDS_PER_MS
        self._most = kept
        self._kept: deque[Encoded] = deque()
        self._kept_bytes = 0
        self._waiting = waiting
        self._subscribers: dict[Subscription, None] = {}  # the oldest first
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._subscribers)

    def publish(self, kind: str, ms: int, payload: object) -> None:
        """Number an event and queue it for everyone.

        Args:
            kind: its `type`.
            ms: market time.
            payload: dataclasses and plain JSON.
        """
        self.last_id += 1
        message = encode({"id": self.last_id, "type": kind, "ms": ms, "payload": payload})
        self._keep((self.last_id, kind, message))
        for subscriber in tuple(self._subscribers):
            if kind not in subscriber.without and not subscriber.offer(message):
                self.leave(subscriber)
                self.dropped += 1

    def _keep(self, event: Encoded) -> None:
        self._kept.append(event)
        self._kept_bytes += len(event[2])
        while len(self._kept) > self._most or (self._kept_bytes > KEPT_BYTES and len(self._kept) > 1):
            self._kept_bytes -= len(self._kept.popleft()[2])

    def has_room(self, *, is_known: bool) -> bool:
        """Tell whether one more reader may come; for one that is known the oldest stranger goes."""
        if len(self) < MAX_SUBSCRIBERS:
            return True
        stranger = next((part for part in self._subscribers if not part.is_known), None)
        if not is_known or stranger is None:
            return False
        stranger.end("somebody who is signed in needs the place")
        self.leave(stranger)
        return True

    def subscribe(
        self, after: int | None, without: frozenset[str] = frozenset(), *, is_known: bool = False
    ) -> Subscription:
        """Return a subscription that begins with what came after an id.

        The first message says which: `hello`, `resumed`, or `reset` when the events since are gone; after `hello` and
        `reset` the reader asks the API how things stand. Its id is the last one that will not come.

        Args:
            after: the last id the reader has seen.
            without: kinds of events that it does not want.
            is_known: it bears a token or a session.
        """
        missed = None if after is None else self._after(after, without)
        subscription = Subscription(self._waiting + len(missed or ()), without, is_known=is_known)
        kind = "hello" if after is None else "reset" if missed is None else "resumed"
        subscription.offer(encode({"type": kind, "id": self.last_id if missed is None else after}))
        for message in missed or ():
            subscription.offer(message)
        self._subscribers[subscription] = None
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Forget a reader."""
        self._subscribers.pop(subscription, None)

    def end(self, why: str) -> None:
        """End every subscription."""
        for subscriber in self._subscribers:
            subscriber.end(why)
        self._subscribers.clear()

    def _after(self, after: int, without: frozenset[str]) -> list[bytes] | None:
        first = self._kept[0][0] if self._kept else self.last_id + 1
        if not first - 1 <= after <= self.last_id:
            return None
        return [message for number, kind, message in self._kept if number > after and kind not in without]


def encode(document: dict[str, Any]) -> bytes:
    """Return a message as it is sent."""
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
