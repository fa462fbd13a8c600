"""The one small interface through which web, Telegram and CLI command the daemon.

A command returns when it is in the ledger. Nothing here trades: it queues commands for the next account minute and
moves the production pointer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import structlog

from bot.clock import Clock
from bot.exchange_info import ExchangeInfo
from bot.feed.listing import Listing
from bot.trading.joins import joining, staying
from bot.trading.snapshot import Snapshot
from bot.trading.trader import Trader
from bot.views.shadow_results import LiveTrials
from storage.ledger.queries import Ledger
from storage.models.promotion import Promotion
from storage.models.registry import Registry, bundle_by_id
from strategies.bundle.fallback_policy import FallbackLevel
from strategies.bundle.fallback_strategies import FALLBACK_STRATEGIES
from strategies.bundle.warm_up import WarmUp
from strategies.errors import BadInput, SigmaError, StorageFailed
from strategies.market import MINUTE_MS, Market, typed_symbol
from strategies.minute import Command

COMMAND_TIMEOUT_S = 75.0  # longer than an account minute takes on a real exchange


class FeedHealth(Protocol):
    """What the feed says about itself."""

    ready: dict[str, bool]
    last_frame_ms: int

    async def describe(self, symbols: Sequence[str]) -> dict[str, Listing]: ...

    @property
    def conditions(self) -> dict[str, str]:
        """What is wrong beyond single markets, by name, in words."""


class Training(Protocol):
    """What the embedded trainer says about itself and takes."""

    def progress(self) -> dict[str, Any]: ...

    async def start(self, why: str) -> None: ...

    async def cancel(self, by: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A command that is in the ledger: the account minute that carries it."""

    minute_ms: int


class Control:
    """Commands and questions, for one daemon."""

    def __init__(
        self,
        *,
        trader: Trader,
        clock: Clock,
        ledger: Ledger,
        registry: Registry,
        feed: FeedHealth,
        exchange_info: ExchangeInfo,
        training: Training,
        stale_after_ms: int,
        shut_down: Callable[[], None],
        trials: LiveTrials | None = None,
    ) -> None:
        self.clock = clock
        self.ledger = ledger
        self.registry = registry
        self.feed = feed
        self.exchange_info = exchange_info
        self.training = training
        self.trials = trials
        self.stale_after_ms = stale_after_ms
        self._trader = trader
        self._shut_down = shut_down
        self._swapping = asyncio.Lock()  # pointer and trader move together
        self._last_move = _last_move(registry, exchange_info.exchange)

    @property
    def snapshot(self) -> Snapshot | None:
        """The account after its last minute; None before the first."""
        return self._trader.snapshot

    @property
    def markets(self) -> tuple[Market, ...]:
        """The account's markets by index, those that left among them."""
        return self._trader.markets

    @property
    def members(self) -> tuple[Market, ...]:
        """The markets that belong to the account now."""
        return tuple(market for market in self.markets if market.is_member)

    def market(self, symbol: str) -> Market:
        """Return a member by its symbol, in any case of letters.

        Raises:
            BadInput: this account does not trade it.
        """
        return self.markets[self.market_index(symbol)]

    @property
    def champion(self) -> str | None:
        """The bundle in production, or on the bench while a stand-in decides; None: there is none."""
        return None if self._last_move is None else self._last_move.bundle

    def why_deciding(self) -> str:
        """Return why the one who decides does: what moved the production pointer last."""
        move, deciding = self._last_move, None if self.snapshot is None else self.snapshot.bundle_id
        if move is None:
            return "no bundle has passed its gate yet"
        if deciding not in (None, move.deciding):
            return f"{move.deciding} was refused; the log says why"
        return move.why

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

    async def join(self, symbol: str, by: str, why: str) -> asyncio.Future[int]:
        """Let a market come to the account with a decision boundary to come: a future of its minute.

        Raises:
            BadInput: it belongs to the account already, or the exchange does not list it, or not in whole units.
        """
        listed = await self.feed.describe([symbol])
        return self._trader.change_market(joining(self.markets, listed, symbol, by, why))

    async def leave(self, symbol: str, by: str, why: str, *, close: bool = False) -> Done:
        """Let a market go: at once when it is flat, else after its exit; `close` asks for that exit now.

        Raises:
            BadInput: it does not belong to the account.
        """
        index = self.market_index(symbol)
        if close:
            await self._command(Command(kind="close", market=index, by=by))
        leave = Command(kind="leave", market=index, spec=self.markets[index], by=by, why=why)
        return await self._finished(self._trader.change_market(leave))

    async def reconcile(self, wanted: Sequence[str], by: str, why: str) -> None:
        """Let the account's members become `wanted`: the others leave after their exits, the missing ones join."""
        have = staying(self.markets)
        for symbol in [symbol for symbol in have if symbol not in wanted]:
            await self.leave(symbol, by, f"not {why}")
        for symbol in [symbol for symbol in wanted if symbol not in have]:
            try:
                await self.join(symbol, by, why)
            except SigmaError as error:
                structlog.get_logger("markets").warning("market does not join", symbol=symbol, error=str(error))

    async def promote(self, bundle_id: str, by: str, why: str = "promoted by hand", *, force: bool = False) -> Done:
        """Verify a bundle, move the production pointer to it, and let it decide from the next minute on.

        Raises:
            BundleRefused: it is broken, belongs to another exchange or is of test mode (unless `force`); the old one
                goes on.
        """
        registry, exchange = self.registry, self.exchange_info.exchange
        async with self._swapping:
            bundle = await asyncio.to_thread(registry.get, bundle_id, exchange)
            warm_up = await self._trader.prepare(bundle)
            now_ms = self.clock.now_ms()
            move = partial(registry.promote, exchange, bundle.id, f"{why} ({by})", now_ms, force=force)
            await asyncio.to_thread(move)
            return await self._swapped(warm_up, by)

    async def rollback(self, by: str, why: str = "rolled back by hand") -> Done:
        """Go back to the bundle that was in production before; to the trend rule when there was none."""
        async with self._swapping:
            now_ms = self.clock.now_ms()
            await asyncio.to_thread(self.registry.rollback, self.exchange_info.exchange, f"{why} ({by})", now_ms)
            return await self._swapped(await self._prepared(), by)

    async def step_down(self, fallback_level: FallbackLevel, by: str, why: str, champion: str | None = None) -> Done:
        """Let the trend rule or cash decide; the champion is kept on the bench.

        Args:
            champion: the new one; None: whoever it was.

        Raises:
            BundleRefused: the new champion is broken; nothing was moved.
        """
        async with self._swapping:
            now_ms = self.clock.now_ms()
            told = f"{why} ({by})"
            await asyncio.to_thread(
                self.registry.step_down, self.exchange_info.exchange, fallback_level, told, now_ms, champion
            )
            if (
                self.snapshot is not None and self.snapshot.bundle_id == FALLBACK_STRATEGIES[fallback_level]
            ):  # a new champion on the bench
                self._last_move = await asyncio.to_thread(_last_move, self.registry, self.exchange_info.exchange)
                return Done(minute_ms=self.snapshot.minute_ms)
            return await self._swapped(await self._prepared(), by)

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
            if market.is_member and market.symbol == typed_symbol(symbol):
                return index
        known = ", ".join(market.symbol for market in self.members)
        raise BadInput(f"{symbol} is not traded here; one of {known} is needed")

    async def _prepared(self) -> WarmUp:
        """Return whoever the production pointer names, warmed up."""
        registry, exchange, timeframe = self.registry, self.exchange_info.exchange, self.ledger.account.timeframe
        name = await asyncio.to_thread(registry.deciding, exchange)
        return await self._trader.prepare(await asyncio.to_thread(bundle_by_id, registry, exchange, name, timeframe))

    async def _swapped(self, warm_up: WarmUp, by: str) -> Done:
        self._last_move = await asyncio.to_thread(_last_move, self.registry, self.exchange_info.exchange)
        return await self._finished(self._trader.swap(warm_up, by))

    async def _command(self, command: Command) -> Done:
        return await self._finished(self._trader.command(command))

    async def _finished(self, queued: asyncio.Future[int]) -> Done:
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT_S):
                return Done(minute_ms=await asyncio.shield(queued))
        except TimeoutError as error:
            raise _still_waiting(self) from error


def _last_move(registry: Registry, exchange: str) -> Promotion | None:
    moves = registry.history(exchange)
    return moves[-1] if moves else None


def _still_waiting(control: Control) -> SigmaError:
    return StorageFailed(
        f"accepted, but no account minute has been written for {control.minute_age_ms() / 1000:.0f} s of market time; "
        "it takes effect with the next one"
    )
