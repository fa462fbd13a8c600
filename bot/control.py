"""The one small interface through which web, Telegram and CLI command the daemon.

A command returns when it is in the ledger. Nothing here trades: it queues commands for the next account minute and
moves the production pointer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from bot.clock import Clock
from bot.snapshot import Snapshot
from bot.trader import Trader
from storage.ledger import Ledger
from storage.registry import Registry
from strategies.bundle import Bundle
from strategies.errors import BadInput, SigmaError, StorageFailed
from strategies.market import MINUTE_MS, Market
from strategies.minute import Command

COMMAND_TIMEOUT_S = 75.0  # longer than an account minute takes on a real exchange


class FeedHealth(Protocol):
    """What the feed says about itself."""

    ready: dict[str, bool]
    last_frame_ms: int


class Training(Protocol):
    """What the embedded trainer says about itself and takes."""

    def progress(self) -> dict[str, Any]: ...

    async def start(self, why: str) -> None: ...

    async def cancel(self, by: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A command that is in the ledger: the account minute that carries it."""

    minute_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where this daemon trades, for people."""

    exchange: str
    market_name: str  # "demo market (generated), planted edge: 24 h momentum"; or the exchange
    is_demo: bool
    account: str
    speed: float


class Control:
    """Commands and questions, for one daemon."""

    def __init__(
        self,
        *,
        trader: Trader,
        clock: Clock,
        markets: tuple[Market, ...],
        ledger: Ledger,
        registry: Registry,
        feed: FeedHealth,
        place: Place,
        training: Training,
        fallback: Callable[[], Bundle],
        stale_after_ms: int,
        shut_down: Callable[[], None],
    ) -> None:
        self.clock = clock
        self.markets = markets
        self.ledger = ledger
        self.registry = registry
        self.feed = feed
        self.place = place
        self.training = training
        self.stale_after_ms = stale_after_ms
        self._trader = trader
        self._fallback = fallback
        self._shut_down = shut_down
        self._swapping = asyncio.Lock()  # pointer and trader move together

    @property
    def snapshot(self) -> Snapshot | None:
        """The account after its last minute; None before the first."""
        return self._trader.snapshot

    def minute_age_ms(self) -> int:
        """Return how long ago the last account minute closed, in market time."""
        return max(0, self.clock.now_ms() - (self._trader.last_minute_ms + MINUTE_MS))

    def is_fresh(self) -> bool:
        """Return whether candles are being processed: the measure of life, not the loop's."""
        return self.snapshot is not None and self.minute_age_ms() <= self.stale_after_ms + MINUTE_MS

    def is_ready(self) -> bool:
        """Return whether every market has an unbroken feed and candles are being processed."""
        return self.is_fresh() and all(self.feed.ready.values())

    def is_ledger_writable(self) -> bool:
        """Return whether the ledger took the last account minute at the first try, or has taken it since."""
        return self._trader.is_ledger_writable

    async def pause(self, by: str) -> Done:
        """Take no new entries; exits go on."""
        return await self._command(Command(kind="pause", by=by))

    async def resume(self, by: str) -> Done:
        """Take entries again."""
        return await self._command(Command(kind="resume", by=by))

    async def close(self, symbol: str | None, by: str) -> Done:
        """Close one position, or all with None, at the next open."""
        return await self._command(Command(kind="close", market=self.market_index(symbol), by=by))

    async def stop(self, by: str) -> Done:
        """Kill switch: close everything and take no entries."""
        return await self._command(Command(kind="stop", by=by))

    async def unlock(self, by: str) -> Done:
        """Lift the protections that only a person may lift."""
        return await self._command(Command(kind="unlock", by=by))

    async def promote(self, bundle_id: str, by: str, why: str = "promoted by hand") -> Done:
        """Verify a bundle, move the production pointer to it, and let it decide from the next minute on.

        Raises:
            BundleRefused: it is broken or belongs to another exchange; the old one goes on.
        """
        async with self._swapping:
            bundle = await asyncio.to_thread(self.registry.get, bundle_id, self.place.exchange)
            warm_up = await self._trader.prepare(bundle)
            now_ms = self.clock.now_ms()
            await asyncio.to_thread(self.registry.promote, self.place.exchange, bundle.id, f"{why} ({by})", now_ms)
            return await self._finished(self._trader.swap(warm_up, by))

    async def rollback(self, by: str, why: str = "rolled back by hand") -> Done:
        """Go back to the bundle that was in production before; to the trend rule when there was none."""
        async with self._swapping:
            now_ms = self.clock.now_ms()
            bundle_id = await asyncio.to_thread(self.registry.rollback, self.place.exchange, f"{why} ({by})", now_ms)
            bundle = self._fallback()
            if bundle_id is not None:
                bundle = await asyncio.to_thread(self.registry.get, bundle_id, self.place.exchange)
            return await self._finished(self._trader.swap(await self._trader.prepare(bundle), by))

    async def retire(self, by: str, why: str) -> Done:
        """Let the trend rule decide; the bundles stay on the bench."""
        async with self._swapping:
            now_ms = self.clock.now_ms()
            await asyncio.to_thread(self.registry.retire, self.place.exchange, f"{why} ({by})", now_ms)
            return await self._finished(self._trader.swap(await self._trader.prepare(self._fallback()), by))

    def shut_down(self) -> None:
        """Stop the daemon in order; positions stay open."""
        self._shut_down()

    def market_index(self, symbol: str | None) -> int:
        """Return a market's index in the account, -1 for None.

        Raises:
            BadInput: this account does not trade it.
        """
        if symbol is None:
            return -1
        for index, market in enumerate(self.markets):
            if market.symbol == symbol.upper():
                return index
        known = ", ".join(market.symbol for market in self.markets)
        raise BadInput(f"{symbol} is not traded here; one of {known} is needed")

    async def _command(self, command: Command) -> Done:
        return await self._finished(self._trader.command(command))

    async def _finished(self, queued: asyncio.Future[int]) -> Done:
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT_S):
                return Done(minute_ms=await asyncio.shield(queued))
        except TimeoutError as error:
            raise _still_waiting(self) from error


def _still_waiting(control: Control) -> SigmaError:
    return StorageFailed(
        f"accepted, but no account minute has been written for {control.minute_age_ms() / 1000:.0f} s of market time; "
        "it takes effect with the next one"
    )
