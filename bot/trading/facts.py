"""Daemon facts, for whoever asks or commands: state, freshness, and what has to hold before a command.

A face that wants to know first whether a command would be taken asks `check_…`; the command itself asks it too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bot.clock import Clock, steady_ms
from bot.exchange_info import ExchangeInfo
from bot.trading.joins import staying
from bot.trading.ports import FeedHealth, Training
from bot.trading.snapshot import Snapshot
from bot.trading.trader import Trader
from bot.values.shadow_results import ShadowTests
from bot.values.training import check_cancel
from storage.ledger.queries import Ledger
from storage.models.promotion import Promotion
from storage.models.registry import Registry
from strategies.bundle.bundle import Bundle
from strategies.errors import BadInput, Conflict
from strategies.market import MINUTE_MS, Market, typed_symbol
from strategies.minute import Command

NAMED = 12  # members that an error names


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What storage remembers of one daemon: its account's ledger, the bundles, and how shadows fared."""

    ledger: Ledger
    registry: Registry
    shadow_tests: ShadowTests | None = None


class Facts:
    """Questions, for one daemon."""

    def __init__(
        self,
        *,
        trader: Trader,
        clock: Clock,
        records: Records,
        feed: FeedHealth,
        exchange_info: ExchangeInfo,
        training: Training,
        stale_after_ms: int,
        shut_down: Callable[[], None],
    ) -> None:
        self.clock = clock
        self.ledger = records.ledger
        self.registry = records.registry
        self.feed = feed
        self.exchange_info = exchange_info
        self.training = training
        self.shadow_tests = records.shadow_tests
        self.stale_after_ms = stale_after_ms
        self.slowed_to: Callable[[], float | None] = lambda: None  # speed of a demo market that waits for the machine
        self._trader = trader
        self._shut_down = shut_down
        self._swapping = asyncio.Lock()  # pointer and traders move together
        self.share: Callable[[Bundle], Bundle] = lambda bundle: bundle  # with other accounts that it decides in
        self._beside: list[Facts] = []  # accounts of this daemon whose production pointer is the same
        self._last_move = last_move(records.registry, exchange_info.exchange)

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
        """Return a market by its symbol, in any case of letters; one that left, too.

        Raises:
            BadInput: this account never traded it.
        """
        return self.markets[self.market_index(symbol)]

    @property
    def champion(self) -> str | None:
        """The bundle in production, or on the bench while a fallback strategy decides; None: there is none."""
        return None if self._last_move is None else self._last_move.bundle

    def why_active(self) -> str:
        """Return why the one who decides does: what moved the production pointer last."""
        move, active = self._last_move, None if self.snapshot is None else self.snapshot.bundle_id
        if move is None:
            return "no bundle has passed its gate yet"
        if active not in (None, move.active):
            return f"{move.active} was refused; the log says why"
        return move.why

    def minute_age_ms(self) -> int:
        """Return how long ago the last account minute closed, in market time."""
        return max(0, self.clock.now_ms() - (self._trader.last_minute_ms + MINUTE_MS))

    def candle_age_s(self) -> float:
        """Return how long ago the last account minute closed, in real seconds: a demo market's hour may last one."""
        speed = self.slowed_to() or self.exchange_info.speed
        return max(self.minute_age_ms() / 1000 / max(1.0, speed), self.standing_s())

    def standing_s(self) -> float:
        """Return the real seconds for which no account minute was taken; 0.0 while they come as they should.

        A demo market's clock waits for the daemon: where minutes stand, its time stands with them and shows no age.
        """
        passed_s = (steady_ms() - self._trader.taken_ms) / 1000
        return passed_s if self.snapshot is not None and passed_s > self.exchange_info.stands_after_s else 0.0

    def is_fresh(self) -> bool:
        """Return whether candles are being processed: the measure of life, not the loop's."""
        is_young = self.snapshot is not None and self.minute_age_ms() <= self.stale_after_ms + MINUTE_MS
        return is_young and not self.standing_s()

    def is_ready(self) -> bool:
        """Return whether every market has an unbroken feed and candles are being processed."""
        return self.is_fresh() and all(self.feed.ready.values())

    def is_ledger_writable(self) -> bool:
        """Return whether the ledger took the last account minute at the first try, or has taken it since."""
        return self._trader.is_ledger_writable

    def check_rollback(self) -> str:
        """Return the champion that a rollback would take out of production.

        Raises:
            Conflict: there is none.
        """
        if self.champion is None:
            raise Conflict(f"{self.exchange_info.exchange} has no champion; there is nothing to roll back")
        return self.champion

    def check_cancel_training(self) -> None:
        """Say why no training can be cancelled.

        Raises:
            Conflict: none goes on, or it is being promoted.
        """
        check_cancel(self.training.progress())

    def check_close(self, symbol: str | None) -> tuple[str, ...]:
        """Return the markets whose positions a close would end.

        Raises:
            BadInput: this account does not trade it.
            Conflict: nothing is open there.
        """
        asked = None if symbol is None else self.markets[self.member_index(symbol)].symbol
        held = tuple(part.symbol for part in self.snapshot.positions) if self.snapshot else ()
        if not held:
            raise Conflict("no position is open; there is nothing to close")
        if asked is not None and asked not in held:
            raise Conflict(f"{asked} is flat; {', '.join(held)} can be closed")
        return held if asked is None else (asked,)

    def is_held(self, symbol: str) -> bool:
        """Return whether the account holds a position in a market."""
        return self.snapshot is not None and any(part.symbol == symbol for part in self.snapshot.positions)

    @property
    def pending_changes(self) -> tuple[Command, ...]:
        """The joins and leaves that were asked for and wait for their account minute."""
        return self._trader.requests.pending

    def check_leave(self, symbol: str) -> int:
        """Return the index of a market that may leave.

        Raises:
            BadInput: this account never traded it.
            Conflict: it has left, or no other market would stay.
        """
        index = self.member_index(symbol)
        going = {part.spec.symbol for part in self.pending_changes if part.kind == "leave" and part.spec is not None}
        if not [name for name in staying(self.markets) if name != symbol and name not in going]:
            raise Conflict(f"{symbol} is the account's last market; add another one first")
        return index

    def market_index(self, symbol: str | None) -> int:
        """Return a market's index in the account, of one that left, too: its past can be read; -1 for None.

        Raises:
            BadInput: this account never traded it.
        """
        if symbol is None:
            return -1
        names = [market.symbol for market in self.markets]
        for meant in (symbol, typed_symbol(symbol)):
            if meant in names:
                return names.index(meant)
        alike = [index for index, name in enumerate(names) if name.casefold() == symbol.casefold()]
        if len(alike) == 1:  # kPEPEUSDC, typed without its small letter
            return alike[0]
        known = ", ".join(market.symbol for market in self.members[:NAMED])
        more = f" and {len(self.members) - NAMED} more" if len(self.members) > NAMED else ""
        raise BadInput(f"{symbol} is not traded here; one of {known}{more} is needed")

    def member_index(self, symbol: str | None) -> int:
        """Return the index of a market that belongs to the account now; -1 for None.

        Raises:
            BadInput: this account never traded it.
            Conflict: it has left.
        """
        index = self.market_index(symbol)
        if index >= 0 and not self.markets[index].is_member:
            raise Conflict(f"{symbol} has left the account; `sigma markets add` brings it back")
        return index


def last_move(registry: Registry, exchange: str) -> Promotion | None:
    """Return what moved the production pointer last."""
    moves = registry.history(exchange)
    return moves[-1] if moves else None
