"""Opening an account, new or again: the engine stands where the ledger stands.

A new account opens at the decision boundary before now, on candles fetched from the exchange. An old one is read
back: state, decision candles, and the minutes of the candle that was filling. The minutes missed since come
through the feed like all others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from sqlalchemy import Connection
from sqlalchemy import Engine as Database

from bot.feed.joining import first_candle_ms
from storage.ledger import accounts
from storage.ledger import tape as tape_codec
from storage.ledger.accounts import Account, AccountCheckpoint
from storage.ledger.archive import Archive
from storage.ledger.database import reading
from storage.ledger.documents import get_markets
from storage.ledger.owed_funding import owed_funding
from storage.models.registry import BY_COMMAND_LINE, Registry
from strategies.bundle.bundle import Bundle
from strategies.engine import Engine, begin
from strategies.errors import BadInput
from strategies.kernel.settings import TradingSettings
from strategies.market import DAY_MS, MINUTE_MS, CandleArray, Market, Timeframe
from strategies.minute import AccountMinute

ALL_MS = 2**62
LONGEST_HALT_MS = 7 * DAY_MS  # of which the funding that is owed is still looked up


class CandleHistorySource(Protocol):
    """Where closed candles before the first minute come from."""

    async def history(self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int) -> CandleArray: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An account and its engine, ready for the next minute."""

    account: Account
    engine: Engine
    is_new: bool
    owed_ms: tuple[tuple[int, ...], ...] = ()  # per market funding times on the tape without a rate

    @property
    def settled_ms(self) -> list[int]:
        """Per market the open of the last bar settled; before the first one, the minute before the account's start."""
        before_ms = self.account.start_ms - MINUTE_MS
        return [int(settled) or before_ms for settled in self.engine.state.positions["last_ms"]]


async def open_trading(
    database: Database,
    *,
    exchange: str,
    name: str,
    markets: tuple[Market, ...],
    settings: TradingSettings,
    bundle: Bundle,
    candles: CandleHistorySource,
    now_ms: int,
) -> Opened:
    """Return the account's engine, opening the account when there is none.

    Raises:
        BadInput: the account exists with another kind of market or another decision timeframe. Other symbols and
            other rules are no reason: markets join, change and leave while it runs.
    """
    found = await asyncio.to_thread(accounts.find, database, exchange, name)
    if found is not None:
        engine = await asyncio.to_thread(_read_back, database, found, markets, settings, bundle)
        owed_ms = await asyncio.to_thread(_owed, database, found, engine)
        return Opened(account=found, engine=engine, is_new=False, owed_ms=owed_ms)
    timeframe = settings.decision.timeframe
    start_ms = timeframe.open_of(now_ms)
    parts = await _fetch(candles, markets, timeframe, start_ms)
    engine = await asyncio.to_thread(
        begin, markets=markets, settings=settings, bundle=bundle, candles=parts, start_ms=start_ms
    )
    opened = await asyncio.to_thread(
        accounts.open_account,
        database,
        accounts.Beginning(
            exchange=exchange,
            name=name,
            markets=engine.markets,
            settings=settings,
            candles=parts,
            state=engine.state,
            start_ms=start_ms,
            bundle_id=bundle.id,
        ),
        now_ms,
    )
    return Opened(account=opened, engine=engine, is_new=True)


def require_ledger(database: Database, registry: Registry, exchange: str) -> None:
    """Refuse to open a new account in silence where a daemon has traded whose ledger is not here.

    Raises:
        BadInput: daemons have moved the production pointer, and the database knows no account on the exchange.
        StorageFailed: it knows none, and the pointer cannot be read.
    """
    if accounts.count(database, exchange):
        return
    moves = [move for move in registry.history(exchange) if not move.why.endswith(BY_COMMAND_LINE)]
    if not moves:
        return
    where = database.url.render_as_string()
    raise BadInput(
        f"{moves[-1].active} decides on {exchange}, so an account has traded here, but {where} holds none: put the "
        "database back, or `sigma restore` a backup, or open a new account with `sigma run --new-account`"
    )


async def _fetch(
    candles: CandleHistorySource, markets: tuple[Market, ...], timeframe: Timeframe, start_ms: int
) -> list[CandleArray]:
    async with asyncio.TaskGroup() as group:
        first_ms = first_candle_ms(timeframe, start_ms)
        tasks = [
            group.create_task(
                candles.history(market.symbol, timeframe, first_ms, start_ms), name=f"history-{market.symbol}"
            )
            for market in markets
        ]
    return [np.asarray(task.result(), np.float64) for task in tasks]


def _read_back(
    database: Database, account: Account, markets: tuple[Market, ...], settings: TradingSettings, bundle: Bundle
) -> Engine:
    stopped = accounts.last_state(database, account)
    accounts.check_same(stopped, markets, account.name)
    engine = Engine(
        markets=stopped.markets,
        settings=stopped.settings,
        bundle=bundle,
        state=stopped.state,
        candles=accounts.candles_until(database, account, len(stopped.markets), ALL_MS),
    )
    engine.configure(settings)
    _refill(database, account, stopped, engine)
    if bundle.id != stopped.bundle_id:
        engine.swap(bundle)
    return engine


def _owed(database: Database, account: Account, engine: Engine) -> tuple[tuple[int, ...], ...]:
    """Return what is owed since a day before the oldest last bar of a member, a market that is halted among them."""
    last_ms, settled = int(engine.state.account["last_ms"][0]), engine.state.positions["last_ms"]
    bars_ms = [int(ms) for ms, market in zip(settled, engine.markets, strict=True) if ms and market.is_member]
    since_ms = max(min(bars_ms, default=last_ms) - DAY_MS, last_ms - LONGEST_HALT_MS)
    with reading(database) as connection:
        minutes = _minutes(connection, account, since_ms, last_ms, on_lost=lambda _archive, _why: None)
        return owed_funding(minutes, len(engine.markets))


def _minutes(
    connection: Connection,
    account: Account,
    after_ms: int,
    until_ms: int,
    on_lost: Callable[[Archive, str], None] | None = None,
) -> Iterator[tuple[AccountMinute, tuple[Market, ...]]]:
    """Yield the account minutes on the tape, each with the markets after it; `on_lost` as of `tape.rows`."""
    markets_id, markets = "", tuple[Market, ...]()
    for row in tape_codec.rows(connection, account.id, after_ms, until_ms, on_lost):
        if row["markets_id"] != markets_id:
            markets_id, markets = row["markets_id"], get_markets(connection, row["markets_id"])
        yield tape_codec.decode(row), markets


def _refill(database: Database, account: Account, stopped: AccountCheckpoint, engine: Engine) -> None:
    """Bring back the decision candles that were filling when the account stopped, on the grids of their minutes."""
    members = np.array([market.is_member for market in stopped.markets], bool)
    settled = stopped.state.positions["last_ms"][members]
    seen = settled[settled > 0]
    if not len(seen):
        return
    since_ms = engine.timeframe.open_of(int(seen.min()))
    counted_in: tuple[Market, ...] = ()
    with reading(database) as connection:
        for minute, markets in _minutes(connection, account, since_ms - 1, stopped.minute_ms):
            if markets is not counted_in:
                counted_in = markets
                engine.membership.count_in(markets)
            engine.fill_candle(minute)
    engine.membership.count_in(stopped.markets)
