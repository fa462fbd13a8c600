"""Joins, changes and leaves that were asked for and are in no account minute yet, with who waits for them.

Each market has at most one of a kind; asked for again it is the same. Whoever asks is answered at once and may wait for
the future, or look at what is pending; in which minute it took hold is in the ledger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from strategies.minute import Command

Key = tuple[str, str]


class MarketRequests:
    """What waits for its minute; lives on the event loop."""

    def __init__(self) -> None:
        self._waiting: dict[Key, tuple[Command, asyncio.Future[int]]] = {}

    @property
    def pending(self) -> tuple[Command, ...]:
        """The commands, in the order in which they were asked for."""
        return tuple(command for command, _ in self._waiting.values())

    def ask(self, command: Command, hand_on: Callable[[Command], None]) -> asyncio.Future[int]:
        """Hand a command on unless the same waits already; return the future of its minute's open."""
        known = self._waiting.get(_key(command))
        if known is not None:
            return known[1]
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[_key(command)] = (command, done)
        hand_on(command)
        return done

    def arrived(self, commands: Sequence[Command]) -> list[asyncio.Future[int]]:
        """Return who waits for the lifecycle commands of a minute that is in the ledger."""
        found = [self._waiting.pop(_key(part), None) for part in commands if part.spec is not None]
        return [pair[1] for pair in found if pair is not None]

    def drop_join(self, symbol: str) -> None:
        """Forget a market that will not join; whoever waits is told by the future's end."""
        found = self._waiting.pop(("join", symbol), None)
        if found is not None:
            found[1].cancel()

    def drop_unknown(self, awaits: Callable[[str], bool]) -> None:
        """Forget the joins that the feed does not await: the exchange did not know the market in the end."""
        for kind, symbol in list(self._waiting):
            if kind == "join" and not awaits(symbol):
                self.drop_join(symbol)


def _key(command: Command) -> Key:
    assert command.spec is not None
    return command.kind, command.spec.symbol
