"""The exchange's word on the account's markets: read every hour, at once when a price is off its grid, when a market
says nothing, and at the end of one that was announced.

What differs becomes a command in the next account minute: rules that changed, a halt, a return, an end. A market is
called ended when two answers lack it and it has no candle either; one answer may be a glitch. One that is not listed
for minutes while its candles go on is listed as something else, in another currency or in units that cannot be counted
in: nothing enters it until it is listed again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

import structlog

from bot.clock import Clock
from bot.feed.candle_buffer import CandleBuffer
from bot.feed.listing import NOTICE_MS, Listing
from bot.waiting import elapsed_s
from strategies.errors import ExchangeFailed
from strategies.market import HOUR_MS, MINUTE_MS, RATE_ONE, UNITS_PER_QUOTE, Market, MarketStatus
from strategies.membership import DELISTED
from strategies.minute import Command

POLL_S: Final = 0.1  # wall seconds between two looks at what is due
RETRY_S: Final = 5.0
SILENCE_S: Final = 30.0  # wall seconds between two questions about a market that says nothing
QUIET_MS: Final = 2 * MINUTE_MS  # without a candle
MOST_LACKING: Final = 5  # answers in a row, a minute apart, that lack a market with candles
BY: Final = "exchange"
RULES: Final = (
    "tick",
    "lot",
    "contract_size",
    "min_lots",
    "min_notional_units",
    "funding_interval_ms",
    "fee_e8",
    "max_leverage",
)
NAMES: Final = {"funding_interval_ms": "funding every", "min_notional_units": "smallest order", "fee_e8": "fee"}
Describe = Callable[[Sequence[str]], Awaitable[dict[str, Listing]]]


class RulesWatch:
    """Keeps an account's markets as the exchange says they are."""

    def __init__(self, buffer: CandleBuffer, describe: Describe, clock: Clock) -> None:
        self._buffer = buffer
        self._describe = describe
        self._clock = clock
        self._next_ms = 0
        self._asked_s = 0.0
        self._lacking: dict[str, int] = {}  # answers in a row without a member
        self._log = structlog.get_logger("feed")

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            if not self._is_due():
                await asyncio.sleep(POLL_S)
                continue
            try:
                await self.check()
            except ExchangeFailed as error:
                self._log.warning("market rules could not be read", error=str(error))
                await asyncio.sleep(RETRY_S)

    async def check(self) -> None:
        """Ask, and queue what differs from the account's markets.

        Raises:
            ExchangeFailed: no answer; nothing was queued.
        """
        barrier, now_ms = self._buffer.barrier, self._clock.now_ms()
        self._asked_s = elapsed_s()
        doubtful = set(barrier.off_grid)
        members = [market for market in barrier.markets if market.is_member]
        listed = await self._describe([market.symbol for market in members])
        self._next_ms = now_ms - now_ms % HOUR_MS + HOUR_MS
        for market in members:
            if barrier.lobby.expects(market.symbol):
                continue
            found = listed.get(market.symbol)
            if found is None:
                self._judge_absence(market, now_ms)
            elif found.settled_at is not None:
                self._settle(market, found.settled_at)
            else:
                self._lacking.pop(market.symbol, None)
                self._compare(market, found, now_ms)
        barrier.ask_again()
        for symbol in doubtful:
            if not barrier.lobby.has_change(symbol):
                barrier.accept_grid(symbol)
        self._buffer.tell()

    def _is_due(self) -> bool:
        barrier = self._buffer.barrier
        if self._clock.now_ms() >= self._next_ms or barrier.off_grid:
            return True
        return elapsed_s() - self._asked_s >= SILENCE_S and barrier.has_silent(QUIET_MS)

    def _judge_absence(self, market: Market, now_ms: int) -> None:
        self._lacking[market.symbol] = self._lacking.get(market.symbol, 0) + 1
        barrier = self._buffer.barrier
        has_candles = self._buffer.seen_ms(market.symbol) >= barrier.head_ms - QUIET_MS
        if self._lacking[market.symbol] < 2 or has_candles:
            self._next_ms = min(self._next_ms, now_ms + MINUTE_MS)
            if self._lacking[market.symbol] >= MOST_LACKING and market.status is MarketStatus.TRADING:
                self._halt_unlisted(market)
            return
        why = f"{DELISTED}: {market.exchange} no longer lists it"
        barrier.lobby.queue(Command(kind="leave", spec=market, by=BY, why=why))

    def _halt_unlisted(self, market: Market) -> None:
        why = f"{market.exchange} has candles of it, but lists no such {market.kind} in whole ticks and lots"
        halted = replace(market, status=MarketStatus.HALTED)
        self._buffer.barrier.lobby.queue(Command(kind="change", spec=halted, by=BY, why=why))

    def _settle(self, market: Market, price: float) -> None:
        """Let a market go that the exchange has ended, at the price at which it settles."""
        why = f"{DELISTED}: {market.exchange} settled it at {price:g}"
        settled_at = max(1, int(market.ticks(price)))
        self._buffer.barrier.lobby.queue(Command(kind="leave", spec=market, by=BY, why=why, settled_at=settled_at))

    def _compare(self, market: Market, found: Listing, now_ms: int) -> None:
        barrier = self._buffer.barrier
        if found.delists_ms > now_ms:
            self._next_ms = min(self._next_ms, found.delists_ms + MINUTE_MS)
        leaves_soon = found.ends_within(NOTICE_MS, now_ms) and market.status is MarketStatus.TRADING
        status = found.market.status
        if status is MarketStatus.TRADING and market.status is MarketStatus.LEAVING:
            status = MarketStatus.LEAVING
        spec = replace(found.market, status=status)
        said = differences(market, spec)
        if said:
            barrier.lobby.queue(Command(kind="change", spec=spec, by=BY, why=said))
        elif leaves_soon:
            why = "the exchange has announced its end within a day"
            barrier.lobby.queue(Command(kind="leave", spec=market, by=BY, why=why))


def differences(before: Market, after: Market) -> str:
    """Return what changed between two specifications of a market, in words; "" when nothing did."""
    said = [
        f"{NAMES.get(name, name.replace('_', ' '))} {_shown(before, name)} -> {_shown(after, name)}"
        for name in RULES
        if getattr(before, name) != getattr(after, name)
    ]
    if before.status is not after.status:
        said.append(f"{before.status.value} -> {after.status.value}")
    return ", ".join(said)


def _shown(market: Market, name: str) -> str:
    """Return a rule as a trader reads it."""
    value = getattr(market, name)
    match name:
        case "funding_interval_ms":
            return f"{value / HOUR_MS:g} h" if value else "never"
        case "min_notional_units":
            return f"{value / UNITS_PER_QUOTE:g}"
        case "fee_e8":
            return f"{value / RATE_ONE:.3%}" if value >= 0 else "as configured"
    return str(value)
