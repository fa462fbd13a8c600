"""The markets of an account: who belongs to it, by which rules, with which candles; and how they come, change and go.

A market keeps its index for ever: facts, decisions and candles of the ledger name it. One that left stays as a flat
row with the status GONE, and has its index again when it returns. Pure; called by the engine at lifecycle commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from strategies.errors import BadInput
from strategies.history import CandleHistory
from strategies.kernel.account import AccountState
from strategies.kernel.books import Books
from strategies.kernel.fills import emit
from strategies.kernel.regrid import Rules, Slot, change_rules, delist
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import FactKind, Reason
from strategies.market import CandleArray, Market, MarketStatus, Timeframe
from strategies.minute import Command
from strategies.universe.slippage import with_slippage

NO_CANDLES: CandleArray = np.empty((0, 6))
DELISTED = "delisted"  # the `why` of a leave begins with it: the exchange ended the market


class Membership:
    """Markets, their records for the kernel, and their closed decision candles, index by index.

    Attributes:
        markets: in their fixed order.
        records: (M,) MARKET.
        rules: (1,) RULES.
        histories: a candle history each.
    """

    def __init__(
        self,
        markets: tuple[Market, ...],
        settings: TradingSettings,
        candles: Sequence[CandleArray],
        timeframe: Timeframe,
    ) -> None:
        self.markets = markets
        self.histories = [CandleHistory(market, timeframe, part) for market, part in zip(markets, candles, strict=True)]
        self._timeframe = timeframe
        self.configure(settings)

    @property
    def has_leaving(self) -> bool:
        """Whether a market is about to leave."""
        return any(market.status is MarketStatus.LEAVING for market in self.markets)

    def candles_of_members(self) -> list[CandleArray]:
        """Return the closed decision candles by index; none of a market that has left."""
        return [
            history.candles if market.is_member else NO_CANDLES
            for history, market in zip(self.histories, self.markets, strict=True)
        ]

    def configure(self, settings: TradingSettings) -> None:
        """Go by other settings."""
        self._settings = settings
        self._renew()

    def apply(
        self, command: Command, state: AccountState, open_ms: int, facts: np.ndarray, count: int
    ) -> tuple[AccountState, int]:
        """Do a lifecycle command at the minute that opens at `open_ms`; return the state and the new fact count.

        Raises:
            BadInput: it does not fit: no such market, or one that is a member already.
        """
        index, spec = command.market, command.spec
        known = index < len(self.markets)
        if spec is None or not 0 <= index <= len(self.markets) or (known and self.markets[index].symbol != spec.symbol):
            raise BadInput(f"{command.kind} of market {index} with {spec}: it does not fit the account's markets")
        if command.kind == "join":
            return self._join(command, spec, state, open_ms, facts, count)
        slot = Slot(books=self.books(state, facts), index=index)
        old = Rules(market=self.markets[index], records=self.records)
        if command.kind == "leave":
            return state, self._leave(command, spec, slot, old, open_ms, count)
        spec = self._as_dear(index, spec)
        self._replace(index, spec)
        return state, change_rules(slot, old, Rules(market=spec, records=self.records), open_ms, count)

    def _join(
        self, command: Command, spec: Market, state: AccountState, open_ms: int, facts: np.ndarray, count: int
    ) -> tuple[AccountState, int]:
        index = command.market
        if index < len(self.markets) and self.markets[index].is_member:
            raise BadInput(f"{spec.symbol} is a member already")
        if index == len(self.markets):
            state = state.grown()
            self.markets = (*self.markets, spec)
            self.histories.append(CandleHistory(spec, self._timeframe, np.empty((0, 6))))
        self._replace(index, spec)
        if command.given is not None:
            self.histories[index].extend(command.given)
        candles = self.histories[index].candles
        spec = with_slippage(spec, candles, self._timeframe, open_ms, self._settings.execution)
        self._replace(index, spec)
        state.positions[index]["mark"] = spec.ticks(candles[-1, 4]) if len(candles) else 0
        state.positions[index]["last_ms"] = 0
        state.memory[index] = np.zeros((), state.memory.dtype)
        return state, int(emit(facts, count, FactKind.JOINED.value, open_ms, index, Reason.UNIVERSE.value, 0))

    def _leave(self, command: Command, spec: Market, slot: Slot, rules: Rules, open_ms: int, count: int) -> int:
        """Let a market go: a delisted one is settled, any other must be flat or stays as LEAVING until it is."""
        if command.why.startswith(DELISTED):
            count = delist(slot, rules, command.settled_at, open_ms, count)
        is_flat = slot.position["lots"] == 0 and not (slot.order["active"] and slot.order["target"])
        status = MarketStatus.GONE if is_flat else MarketStatus.LEAVING
        self._replace(slot.index, replace(self._as_dear(slot.index, spec), status=status))
        if not is_flat:
            return count
        slot.order["active"] = 0
        return int(emit(slot.books.facts, count, FactKind.LEFT.value, open_ms, slot.index, Reason.UNIVERSE.value, 0))

    def _replace(self, index: int, market: Market) -> None:
        self.markets = (*self.markets[:index], market, *self.markets[index + 1 :])
        self.histories[index].respec(market)
        self._renew()

    def books(self, state: AccountState, facts: np.ndarray) -> Books:
        """Return what the kernel works on: the account's state with its markets' present rules."""
        return state.books(self.records, self.rules, facts)

    def count_in(self, markets: Sequence[Market]) -> None:
        """Let the candles that are filling be counted in the grids of `markets`; the account's own stay."""
        for market, history in zip(markets, self.histories, strict=False):
            history.respec(market)

    def respec(self, markets: tuple[Market, ...]) -> None:
        """Take other specifications on the same grids, as ledgers made before lifecycle commands did at a start."""
        for index, market in enumerate(markets):
            self._replace(index, self._as_dear(index, market))

    def _as_dear(self, index: int, market: Market) -> Market:
        """Return a market with the slippage that it stated before, where it states none."""
        return replace(market, slippage_e8=self.markets[index].slippage_e8) if market.slippage_e8 < 0 else market

    def _renew(self) -> None:
        members = sum(market.is_member for market in self.markets)
        self.rules = self._settings.rules(members=members)
        self.records = self._settings.market_records(self.markets)
