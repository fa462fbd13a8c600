"""Opening an account: its row, the candles it began with, its deposit; and reading it back as an engine's parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from sqlalchemy import Connection, Engine, RowMapping, func, select

from storage.ledger.database import reading, writing
from storage.ledger.documents import get_markets, get_settings, put_markets, put_settings
from storage.ledger.market_changes import write_beginning
from storage.ledger.tables import account, candle, fact, state, tape
from strategies.errors import BadInput, StorageFailed
from strategies.kernel.account import AccountState
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import FACT, LAYOUT, NO_RATE, FactKind
from strategies.market import CandleArray, Market, Timeframe
from strategies.minute import AccountMinute

KEPT_CANDLES = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as the ledger knows it. `deposit` in units of 1e-8 quote."""

    id: int
    name: str
    exchange: str
    timeframe: Timeframe
    deposit: int
    start_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCheckpoint:
    """Where an account stopped: its last minute, its state, and which bundle was deciding."""

    minute_ms: int
    state: AccountState
    bundle_id: str
    markets: tuple[Market, ...]
    settings: TradingSettings


def find(engine: Engine, exchange: str, name: str) -> Account | None:
    """Return the account, or None when it has never been opened.

    Raises:
        StorageFailed: it was written by another layout of records.
    """
    query = select(account).where(account.c.exchange == exchange, account.c.name == name)
    with reading(engine) as connection:
        row = connection.execute(query).mappings().first()
    if row is None:
        return None
    if row["layout"] != LAYOUT:
        raise StorageFailed(
            f"account {name!r} was written with record layout {row['layout']}, this program reads {LAYOUT}"
        )
    return _account(row)


def all_accounts(engine: Engine) -> list[Account]:
    """Return the accounts of a database that this program can read, the oldest first."""
    with reading(engine) as connection:
        rows = connection.execute(select(account).where(account.c.layout == LAYOUT).order_by(account.c.id)).mappings()
        return [_account(row) for row in rows.all()]


def _account(row: RowMapping) -> Account:
    return Account(
        id=row["id"],
        name=row["name"],
        exchange=row["exchange"],
        timeframe=Timeframe(row["timeframe"]),
        deposit=row["deposit"],
        start_ms=row["start_ms"],
    )


def count(engine: Engine, exchange: str) -> int:
    """Return how many accounts have been opened on an exchange."""
    query = select(func.count()).select_from(account).where(account.c.exchange == exchange)
    with reading(engine) as connection:
        return int(connection.execute(query).scalar_one())


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """How an account begins.

    Attributes:
        exchange, name: together unique.
        markets: in their fixed order.
        candles: per market the closed decision candles before the first minute.
        state: flat, the deposit made.
        start_ms: open of the first minute.
        bundle_id: of who decides first.
    """

    exchange: str
    name: str
    markets: tuple[Market, ...]
    settings: TradingSettings
    candles: list[CandleArray]
    state: AccountState
    start_ms: int
    bundle_id: str


def open_account(engine: Engine, begun: Beginning, created_ms: int) -> Account:
    """Write a new account in one transaction: row, documents, given candles, deposit, state."""
    timeframe, start_ms = begun.settings.decision.timeframe, begun.start_ms
    deposit = int(begun.state.account["cash"][0])
    with writing(engine) as connection:
        settings_id, markets_id = put_settings(connection, begun.settings), put_markets(connection, begun.markets)
        inserted = connection.execute(
            account.insert()
            .returning(account.c.id)
            .values(
                name=begun.name,
                exchange=begun.exchange,
                timeframe=str(timeframe),
                layout=LAYOUT,
                deposit=deposit,
                start_ms=start_ms,
                created_ms=created_ms,
            )
        )
        account_id = int(inserted.scalar_one())
        write_beginning(connection, account_id, start_ms, begun.markets)
        for index, part in enumerate(begun.candles):
            insert_given(connection, account_id, index, part)
        connection.execute(fact.insert().values(_deposit(account_id, deposit, start_ms, begun.bundle_id)))
        connection.execute(
            state.insert().values(
                account_id=account_id,
                minute_ms=start_ms - 60_000,
                layout=LAYOUT,
                kernel=begun.state.to_bytes(),
                bundle_id=begun.bundle_id,
                settings_id=settings_id,
                markets_id=markets_id,
            )
        )
    return Account(
        id=account_id,
        name=begun.name,
        exchange=begun.exchange,
        timeframe=timeframe,
        deposit=deposit,
        start_ms=start_ms,
    )


def last_state(engine: Engine, of: Account) -> AccountCheckpoint:
    """Return where the account stopped."""
    with reading(engine) as connection:
        row = connection.execute(select(state).where(state.c.account_id == of.id)).mappings().one()
        return AccountCheckpoint(
            minute_ms=row["minute_ms"],
            state=AccountState.from_bytes(row["kernel"]),
            bundle_id=row["bundle_id"],
            markets=get_markets(connection, row["markets_id"]),
            settings=get_settings(connection, row["settings_id"]),
        )


def candles_until(
    engine: Engine, of: Account, markets: int, before_ms: int, *, given_only: bool = False
) -> list[CandleArray]:
    """Return per market the newest decision candles that opened before `before_ms`, as many as a decision can need."""
    with reading(engine) as connection:
        return [market_candles(connection, of.id, index, before_ms, given_only=given_only) for index in range(markets)]


def check_same(stopped: AccountCheckpoint, markets: tuple[Market, ...], name: str) -> None:
    """Refuse to go on where the same symbols would mean other instruments; anything else of a market may change.

    Raises:
        BadInput: the account trades futures and spot is configured, or the other way round.
    """
    had, have = {market.kind for market in stopped.markets}, {market.kind for market in markets}
    if had and have and had != have:
        raise BadInput(
            f"account {name!r} trades {', '.join(sorted(had))}, config.toml asks for {', '.join(sorted(have))}; "
            "choose another [account] name"
        )


def insert_given(connection: Connection, account_id: int, index: int, candles: CandleArray) -> None:
    """Write the candles that a market begins with; those it has already are left out."""
    newest = select(func.max(candle.c.open_ms)).where(candle.c.account_id == account_id, candle.c.market == index)
    known_ms = connection.execute(newest).scalar_one()
    newer = candles if known_ms is None else candles[candles[:, 0] > known_ms]
    if len(newer):
        connection.execute(candle.insert(), [candle_row(account_id, index, row, given=True) for row in newer.tolist()])


def candle_row(account_id: int, index: int, row: Sequence[float], *, given: bool) -> dict[str, object]:
    """Return the columns of a decision candle; `row` is its six numbers as plain floats."""
    open_ms, opened, high, low, close, volume = row
    return {
        "account_id": account_id,
        "market": index,
        "open_ms": int(open_ms),
        "given": given,
        "open": opened,
        "high": high,
        "low": low,
        "close": close,
        "volume": volume,
    }


def market_candles(
    connection: Connection, account_id: int, index: int, before_ms: int, *, given_only: bool = False
) -> CandleArray:
    """Return the newest decision candles of one market that opened before `before_ms`."""
    columns = [candle.c[name] for name in ("open_ms", "open", "high", "low", "close", "volume")]
    query = select(*columns).where(
        candle.c.account_id == account_id, candle.c.market == index, candle.c.open_ms < before_ms
    )
    if given_only:
        query = query.where(candle.c.given)
    rows = connection.execute(query.order_by(candle.c.open_ms.desc()).limit(KEPT_CANDLES)).all()
    newest_first = np.fromiter(chain.from_iterable(rows), np.float64, count=6 * len(rows)).reshape(-1, 6)
    return np.ascontiguousarray(newest_first[::-1])


def with_given(connection: Connection, account_id: int, minute: AccountMinute) -> AccountMinute:
    """Return a minute of the tape with the candles that its joins brought."""
    commands = tuple(
        replace(command, given=market_candles(connection, account_id, command.market, minute.open_ms, given_only=True))
        if command.kind == "join"
        else command
        for command in minute.commands
    )
    return replace(minute, commands=commands) if commands else minute


def _deposit(account_id: int, deposit: int, start_ms: int, bundle_id: str) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(FACT.names or (), 0)
    row |= {
        "account_id": account_id,
        "minute_ms": start_ms - 60_000,
        "number": 0,
        "kind": int(FactKind.DEPOSIT),
        "ms": start_ms,
    }
    return row | {"market": -1, "cash_flow": deposit, "rate_e8": NO_RATE, "bundle_id": bundle_id}


def first_minute(connection: Connection, account_id: int) -> int | None:
    """Return the open of the oldest minute on the tape, or None."""
    query = select(tape.c.minute_ms).where(tape.c.account_id == account_id).order_by(tape.c.minute_ms).limit(1)
    return connection.execute(query).scalar_one_or_none()
