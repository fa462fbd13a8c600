"""A day of the tape as the backtester sees one: bars on a grid, decision candles, the state it began with.

A bar that came late stands where it belongs, as it would in stored candles. What a backtest cannot see is listed as
causes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, select
from sqlalchemy import Engine as Database

from storage.ledger import tape as tape_codec
from storage.ledger.accounts import Account, candles_until
from storage.ledger.database import reading
from storage.ledger.documents import get_markets, get_settings
from storage.ledger.tables import checkpoint
from strategies.bundle.bundle import Bundle
from strategies.engine import begin
from strategies.errors import BadInput
from strategies.kernel.account import AccountState
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import NO_RATE
from strategies.market import DAY_MS, MINUTE_MS, CandleArray, Market, Timeframe
from strategies.minute import AccountMinute, Command
from training.backtest.run_candles import RunCandles, assemble, moment

ACCOUNT_WIDE: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Something that live met and a backtest does not. `market`: its index, or ACCOUNT_WIDE."""

    ms: int
    market: int
    what: str

    @property
    def time(self) -> str:
        return moment(self.ms)[11:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What a day's replay needs.

    Attributes:
        candles: the tape's bars.
        state: before the first of them.
        memory: (M,) MEMORY that the first bundle goes on from; None: it was swapped in by the first minute.
        cash: units, at that time.
        bundles: (first minute, bundle) in order; the first deciding from the start.
        settings: (first minute, settings) in order.
        commands: (minute, command) in order, swaps left out.
        causes: what a backtest does not see, in the order of time.
    """

    candles: RunCandles
    state: AccountState
    memory: np.ndarray | None
    bundles: tuple[tuple[int, Bundle], ...]
    settings: tuple[tuple[int, TradingSettings], ...]
    commands: tuple[tuple[int, Command], ...]
    causes: tuple[Cause, ...]

    @property
    def start_ms(self) -> int:
        return self.candles.start_ms

    @property
    def end_ms(self) -> int:
        return self.candles.end_ms

    @property
    def minutes(self) -> int:
        return len(self.candles.open_ms)

    @property
    def cash(self) -> int:
        return int(self.state.account["cash"][0])


def read_day(database: Database, account: Account, day_ms: int, bundle_of: Callable[[str], Bundle]) -> Day:
    """Read a UTC day of an account; on its first day, from its first minute on.

    Raises:
        BadInput: nothing of the day is on the tape, or the state before it was not kept.
    """
    start_ms = max(day_ms, account.start_ms)
    with reading(database) as connection:
        rows = list(tape_codec.rows(connection, account.id, start_ms - 1, day_ms + DAY_MS - 1))
        rows = rows[: len(rows) - len(rows) % (account.timeframe.ms // MINUTE_MS)]
        if not rows or rows[0]["minute_ms"] != start_ms:
            raise BadInput(f"the tape holds no {moment(day_ms)[:10]} of account {account.name!r}")
        markets = get_markets(connection, rows[0]["markets_id"])
        settings = tuple((ms, get_settings(connection, key)) for ms, key in _changes(rows, "settings_id"))
        bundles = tuple((ms, bundle_of(key)) for ms, key in _changes(rows, "bundle_id"))
        kept, decided = kept_state(connection, account, start_ms)
    minutes = [tape_codec.decode(row) for row in rows]
    history = candles_until(database, account, len(markets), start_ms)
    if kept is None and start_ms != account.start_ms:
        raise BadInput(f"the state before {moment(start_ms)} was not kept; days are kept since this version runs")
    state = kept or _begun(markets, settings[0][1], bundles[0][1], history, start_ms)
    return Day(
        candles=day_candles(minutes, markets, account.timeframe, history),
        state=state,
        memory=None if kept is not None and decided != bundles[0][1].id else state.memory,
        bundles=bundles,
        settings=settings,
        commands=tuple(
            (minute.open_ms, command) for minute in minutes for command in minute.commands if command.kind != "swap"
        ),
        causes=tuple(sorted(_causes(minutes), key=lambda cause: cause.ms)),
    )


def day_candles(
    minutes: Sequence[AccountMinute], markets: tuple[Market, ...], timeframe: Timeframe, history: Sequence[CandleArray]
) -> RunCandles:
    """Put minutes on a grid of whole decision candles; late bars where they belong."""
    start_ms = minutes[0].open_ms
    end_ms = minutes[-1].open_ms + MINUTE_MS
    bars, funding = [_bars(minutes, index) for index in range(len(markets))], []
    for index in range(len(markets)):
        rates = dict(_rates(minutes, index))
        funding.append((np.array(list(rates), np.int64), np.array(list(rates.values()), np.int64)))
    execution = [market.candles(opens, rows) for market, (opens, rows) in zip(markets, bars, strict=True)]
    return assemble(markets, timeframe, Timeframe.M1, start_ms, end_ms, execution, history, funding)


def _bars(minutes: Sequence[AccountMinute], index: int) -> tuple[np.ndarray, np.ndarray]:
    start_ms = minutes[0].open_ms
    found = {minute.open_ms: minute.bars[index] for minute in minutes if minute.present[index]}
    late = (part for minute in minutes for part in minute.late_bars if part.market == index)
    found |= {part.open_ms: part.bar for part in late if part.open_ms >= start_ms}
    opens = sorted(found)
    return np.array(opens, np.int64), np.array([found[open_ms] for open_ms in opens], np.int64).reshape(-1, 5)


def _rates(minutes: Sequence[AccountMinute], index: int) -> Iterator[tuple[int, int]]:
    for minute in minutes:
        for late in minute.late_bars:
            if late.market == index and late.funding_e8 != NO_RATE:
                yield late.open_ms, late.funding_e8
        if minute.funding_e8[index] != NO_RATE:
            yield minute.open_ms, int(minute.funding_e8[index])


def _changes(rows: Sequence[Mapping[str, Any]], column: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for row in rows:
        if not found or row[column] != found[-1][1]:
            found.append((row["minute_ms"], row[column]))
    return found


def kept_state(connection: Connection, account: Account, start_ms: int) -> tuple[AccountState | None, str]:
    """Return the state before a minute and the bundle that decided until then."""
    query = select(checkpoint.c.kernel, checkpoint.c.bundle_id).where(
        checkpoint.c.account_id == account.id, checkpoint.c.minute_ms == start_ms - MINUTE_MS
    )
    row = connection.execute(query).first()
    return (None, "") if row is None else (AccountState.from_bytes(row.kernel), row.bundle_id)


def _begun(
    markets: tuple[Market, ...],
    settings: TradingSettings,
    bundle: Bundle,
    history: list[CandleArray],
    start_ms: int,
) -> AccountState:
    engine = begin(markets=markets, settings=settings, bundle=bundle, candles=history, start_ms=start_ms)
    return engine.state


def _causes(minutes: Sequence[AccountMinute]) -> Iterator[Cause]:
    for minute in minutes:
        for index in np.flatnonzero(~minute.present):
            yield Cause(ms=minute.open_ms, market=int(index), what="absent minute")
        for late in minute.late_bars:
            yield Cause(ms=late.open_ms, market=late.market, what="bar that came late")
        if minute.late:
            yield Cause(ms=minute.open_ms, market=ACCOUNT_WIDE, what="late decision")
        if minute.not_ready is not None:
            for index in np.flatnonzero(minute.not_ready):
                yield Cause(ms=minute.open_ms, market=int(index), what="gap in the feed, not ready")
