"""Who listens to which market: the feeds of a program's accounts, by ccxt's name of the market."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from bot.feed.clients import Frame


class Listener(Protocol):
    """The feed of one account."""

    def on_frame(self, frame: Frame) -> bool:
        """Take a frame of the fast path; return whether it was a candle."""

    def on_row(self, name: str, row: Sequence[object]) -> None:
        """Take a row of the generic path."""

    def on_lost(self, names: Sequence[str]) -> None:
        """Note that the streams of markets (ccxt's names) were lost."""


class Audience:
    """Listeners by market."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = {}
        self._names: dict[str, str] = {}  # by the exchange's own id

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of markets that somebody listens to."""
        return iter(self._listeners)

    def join(self, listener: Listener, name: str, market_id: str) -> bool:
        """Let somebody listen to a market; return whether nobody did before."""
        self._names[market_id] = name
        listeners = self._listeners.get(name)
        if listeners is None:
            self._listeners[name] = [listener]
            return True
        if listener not in listeners:
            listeners.append(listener)
        return False

    def leave(self, listener: Listener, name: str) -> bool:
        """Let somebody listen to a market no longer; return whether it was the last one."""
        listeners = self._listeners.get(name, [])
        if listener in listeners:
            listeners.remove(listener)
        return not listeners and self._listeners.pop(name, None) is not None

    def of(self, name: str) -> tuple[Listener, ...]:
        """Return who listens to a market."""
        return tuple(self._listeners.get(name, ()))

    def of_id(self, market_id: str) -> tuple[Listener, ...]:
        """Return the same by the exchange's own id."""
        return self.of(self._names.get(market_id, ""))

    def lost(self, names: Sequence[str]) -> None:
        """Tell everybody concerned, once each, that the streams of markets were lost."""
        for listener in {id(each): each for name in names for each in self.of(name)}.values():
            listener.on_lost(names)
