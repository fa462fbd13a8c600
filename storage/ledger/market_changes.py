"""Market changes: how an account's markets came, changed and went, one row a change, with minute and reason.

The tape is the truth (these are its lifecycle commands); the rows are its index, so that a fact of two years ago is
read on the grid it was written on without reading two years of tape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson
from sqlalchemy import Connection, Engine, RowMapping, select

from storage.ledger.database import reading
from storage.ledger.tables import market_change
from strategies.market import MINUTE_MS, Market, MarketStatus
from strategies.market_versions import MarketVersions, Version
from strategies.minute import Command

BEGAN: Final = "the account began with it"
MACHINES: Final = ("", "config", "exchange", "universe")  # who is no person, in `by`


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketChange:
    """A market that joined, changed or left at a minute."""

    minute_ms: int
    number: int  # within the minute
    index: int
    kind: Literal["join", "change", "leave"]
    market: Market  # from this minute on
    by: str
    why: str


def write_beginning(connection: Connection, account_id: int, start_ms: int, markets: Sequence[Market]) -> None:
    """Write the markets an account begins with, dated to the minute before its first."""
    rows = [
        _row(
            account_id, start_ms - MINUTE_MS, index, Command(kind="join", market=index, spec=market, why=BEGAN), market
        )
        for index, market in enumerate(markets)
    ]
    if rows:
        connection.execute(market_change.insert(), rows)


def beginning(connection: Connection, account_id: int, start_ms: int) -> tuple[Market, ...]:
    """Return the markets an account began with; () in a ledger made before markets could change."""
    query = select(market_change.c.spec).where(
        market_change.c.account_id == account_id, market_change.c.minute_ms == start_ms - MINUTE_MS
    )
    rows = connection.execute(query.order_by(market_change.c.market)).scalars().all()
    return tuple(Market.of_document(orjson.loads(spec)) for spec in rows)


def began_with_symbols(engine: Engine, account_id: int, start_ms: int) -> tuple[str, ...]:
    """Return the symbols of an account's first minute; () in a ledger made before markets could change."""
    with reading(engine) as connection:
        return tuple(market.symbol for market in beginning(connection, account_id, start_ms))


def write_changes(
    connection: Connection, account_id: int, minute_ms: int, commands: Sequence[Command], markets: Sequence[Market]
) -> None:
    """Write a minute's lifecycle commands; `markets` are those after it."""
    chosen = [command for command in commands if command.is_lifecycle]
    rows = [
        _row(account_id, minute_ms, number, command, markets[command.market]) for number, command in enumerate(chosen)
    ]
    if rows:
        connection.execute(market_change.insert(), rows)


def read_changes(engine: Engine, account_id: int, index: int | None = None) -> list[MarketChange]:
    """Return an account's changes in order; of one market where its index is given."""
    query = select(market_change).where(market_change.c.account_id == account_id)
    if index is not None:
        query = query.where(market_change.c.market == index)
    with reading(engine) as connection:
        rows = connection.execute(query.order_by(market_change.c.minute_ms, market_change.c.number)).mappings().all()
    return _changes_of(rows)


def latest_changes(engine: Engine, account_id: int, count: int) -> list[MarketChange]:
    """Return an account's latest changes, the newest first; what it began with is none."""
    query = select(market_change).where(market_change.c.account_id == account_id, market_change.c.why != BEGAN)
    order = query.order_by(market_change.c.minute_ms.desc(), market_change.c.number.desc()).limit(count)
    with reading(engine) as connection:
        return _changes_of(connection.execute(order).mappings().all())


def wanted_by_hand(changes: Sequence[MarketChange]) -> dict[str, bool]:
    """Return per symbol whether a person wants it, where a person said so last: True joined it, False removed it.

    What the configuration, the exchange, a selection or the trader did since ends a person's word.
    """
    wanted: dict[str, bool] = {}
    for change in changes:
        is_rules = change.kind == "change" and (
            change.by == "exchange" or change.market.status is not MarketStatus.TRADING
        )
        if is_rules or change.by == "trader":
            continue  # rules and halts say nothing of it; the trader carries out what was asked for
        if change.by.partition(",")[0] in MACHINES:
            wanted.pop(change.market.symbol, None)
        else:
            wanted[change.market.symbol] = change.kind != "leave"
    return wanted


def _changes_of(rows: Sequence[RowMapping]) -> list[MarketChange]:
    return [
        MarketChange(
            minute_ms=row["minute_ms"],
            number=row["number"],
            index=row["market"],
            kind=row["kind"],
            market=Market.of_document(orjson.loads(row["spec"])),
            by=row["by"],
            why=row["why"],
        )
        for row in rows
    ]


def market_versions(engine: Engine, account_id: int, latest: Sequence[Market]) -> MarketVersions:
    """Return every version of an account's markets.

    Args:
        latest: the account's markets after its last minute; all there is in a ledger made before markets could change.
    """
    versions: list[list[Version]] = [[] for _ in latest]
    for change in read_changes(engine, account_id):
        if change.index < len(versions):
            versions[change.index].append((change.minute_ms, change.market))
    return MarketVersions([part or [(0, market)] for part, market in zip(versions, latest, strict=True)])


def _row(account_id: int, minute_ms: int, number: int, command: Command, market: Market) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "minute_ms": minute_ms,
        "number": number,
        "market": command.market,
        "kind": command.kind,
        "spec": orjson.dumps(market.document()).decode(),
        "by": command.by,
        "why": command.why,
    }
