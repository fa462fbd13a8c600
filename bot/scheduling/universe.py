"""Universe keeper: looks at the exchange, asks for joins and leaves as `[universe]` wants them, says why.

The decision is `strategies/universe`'s; markets come and go by `Control`, on the tape. A list that somebody wrote is
followed at every start, but for what people added or removed by command since; a list nobody wrote moves nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import structlog
from sqlalchemy import Engine as Database

from bot.feed.candidates import exchange_candidates
from bot.feed.source import FeedSource
from bot.scheduling.schedule import Job
from bot.trading.answered import answered
from bot.trading.control import Control
from bot.trading.joins import staying
from bot.waiting import Backoff
from storage.candles.market_book import record_markets
from storage.config.tree import Config
from storage.ledger.accounts import find, last_state
from storage.ledger.market_changes import read_changes, wanted_by_hand
from strategies.errors import BadInput, ExchangeFailed, SigmaError, StorageFailed
from strategies.market import Market
from strategies.universe.selection import Selection, select

REFRESH: Final = "universe"
ATTEMPTS: Final = 200  # to refresh while the exchange is away, up to ten minutes apart
SHIPPED_BEFORE: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT")  # the list of versions that knew no universe


class Universe:
    """The universe of one account.

    Args:
        config: `[universe]` and `[exchange]`.
        feed: of the exchange.
        control: of the account.
        began_with: symbols of the account's first minute; () in a ledger made before markets could change.
    """

    def __init__(self, config: Config, feed: FeedSource, control: Control, began_with: Sequence[str] = ()) -> None:
        self._config = config
        self._feed = feed
        self._control = control
        self._changing = asyncio.Lock()
        from_before = tuple(began_with) in ((), SHIPPED_BEFORE) and config.universe.size > len(SHIPPED_BEFORE)
        self._goes_on = config.universe.mode == "auto" and from_before  # it goes on as it is
        self.latest: Selection | None = None
        self.chosen_ms = 0

    @property
    def is_top(self) -> bool:
        """Whether members are chosen by traded value; else they are a list."""
        return self._config.universe_is_top and not self._goes_on

    @property
    def size(self) -> int:
        """How many there shall be."""
        return self._config.universe.size if self.is_top else len(self.members)

    @property
    def members(self) -> list[str]:
        """The markets of the account that are not about to leave."""
        return staying(self._control.markets)

    async def take_configured(self) -> None:
        """Bring an account whose markets are a list to the one that somebody wrote, and keep what people changed."""
        if self.is_top or self._config.has_shipped_symbols:
            return
        ledger = self._control.ledger
        changes = await answered(read_changes, ledger.database, ledger.account.id)
        wanted = with_hand_made(self._config.exchange.symbols, self.members, wanted_by_hand(changes))
        if kept := sorted(set(wanted) ^ set(self._config.exchange.symbols)):
            structlog.get_logger("markets").info("markets changed by command stay so", symbols=kept)
        await self._control.reconcile(wanted, "config", "in [exchange] symbols")

    async def look(self) -> Selection:
        """Return what would be selected now; nothing changes.

        Raises:
            ExchangeFailed: the exchange cannot be reached.
        """
        now_ms, rules = self._control.clock.now_ms(), self._config.universe
        candidates = await exchange_candidates(self._feed, rules, now_ms, self.members)
        snapshot = self._control.snapshot
        held = () if snapshot is None else [position.symbol for position in snapshot.positions]
        self.latest, self.chosen_ms = select(candidates, rules, self.members, held), now_ms
        return self.latest

    async def refresh(self, by: str) -> Selection:
        """Select anew and let markets join and leave; each change bears its reason.

        Raises:
            BadInput: the markets are a list.
            ExchangeFailed: the exchange cannot be reached.
        """
        if not self.is_top:
            raise BadInput(
                'the markets are a list ([universe] mode); sigma markets add and remove change it, mode = "top" '
                "lets them be chosen"
            )
        by = by if by == REFRESH else f"{REFRESH}, asked by {by}"
        async with self._changing:
            found = await self.look()
            for verdict in found.changes if found.members else ():
                try:
                    if verdict.step == "leaves":
                        self._control.leave(verdict.symbol, by, verdict.why)
                    else:
                        await self._control.join(verdict.symbol, by, verdict.why)
                except SigmaError as error:
                    structlog.get_logger("markets").warning(
                        "market stays as it is", symbol=verdict.symbol, wanted=verdict.step, error=str(error)
                    )
            return found

    async def _refreshed_when_back(self) -> Selection:
        """Refresh; while the exchange is away, again and again: the next time by the schedule may be a week away.

        Raises:
            ExchangeFailed: it stayed away through all attempts.
        """
        backoff = Backoff(first_s=5.0, longest_s=600.0)
        for _ in range(ATTEMPTS):
            try:
                return await self.refresh(REFRESH)
            except ExchangeFailed as error:
                structlog.get_logger("markets").warning("universe not refreshed, tried again later", error=str(error))
                await asyncio.sleep(backoff.next_s())
        return await self.refresh(REFRESH)

    def job(self) -> Job:
        """Return the refresh that `refresh_cron` asks for."""

        async def run(_why: str) -> str:
            found = await self._refreshed_when_back()
            return f"{len(found.members)} members, {len(found.changes)} changes"

        return Job(name=REFRESH, run=run, cron=self._config.universe.refresh_cron)


def with_hand_made(listed: Sequence[str], members: Sequence[str], by_hand: Mapping[str, bool]) -> list[str]:
    """Return the configured symbols without those that were removed by command, and with members that were added so."""
    added = [symbol for symbol in members if by_hand.get(symbol) and symbol not in listed]
    return [symbol for symbol in listed if by_hand.get(symbol, True)] + added


async def first_members(config: Config, feed: FeedSource, now_ms: int) -> tuple[str, ...]:
    """Return the markets that a new account begins with.

    Raises:
        BadInput: none passes the rules.
        ExchangeFailed: the exchange cannot be reached.
    """
    if not config.universe_is_top:
        return config.exchange.symbols
    found = select(await exchange_candidates(feed, config.universe, now_ms), config.universe)
    if not found.members:
        first = found.verdicts[0].why if found.verdicts else "the exchange lists none"
        raise BadInput(f'no market passes [universe]: {first}; ease it, or set mode = "list"')
    return found.members


async def listed_markets(config: Config, feed: FeedSource, database: Database, now_ms: int) -> tuple[Market, ...]:
    """Return the markets to begin with; of an account that exists those that the exchange lists, which ends no start.

    Raises:
        SigmaError: a new account's markets cannot be had.
    """
    account = await asyncio.to_thread(find, database, config.exchange.name, config.account.name)
    if account is None:
        return tuple(await feed.markets(await first_members(config, feed, now_ms)))
    stopped = await asyncio.to_thread(last_state, database, account)
    members = [market.symbol for market in stopped.markets if market.is_member]
    wanted = members if config.universe_is_top or config.has_shipped_symbols else config.exchange.symbols
    listed = await feed.describe(list(dict.fromkeys([*members, *wanted])))
    return tuple(listed[symbol].market for symbol in wanted if symbol in listed)


def keep_specifications(config: Config, markets: Sequence[Market]) -> None:
    """Store what the markets are for whoever runs without the exchange; every download of candles does so again."""
    try:
        record_markets(config.data.directory, markets)
    except StorageFailed as error:
        structlog.get_logger("universe").warning("market specifications not kept, trading goes on", error=str(error))
