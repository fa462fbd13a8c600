"""Reading the ledger: trades, positions, signals, equity, as people ask for them.

Everything here is derived from facts, decisions and the state; nothing is stored twice. The writer is `journal.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from sqlalchemy import ColumnElement, Engine, RowMapping, Select, and_, select, tuple_

from storage.ledger.accounts import KEPT_CANDLES, Account, AccountCheckpoint, last_state
from storage.ledger.database import reading
from storage.ledger.market_changes import market_versions
from storage.ledger.monitor_findings import Kind, MonitorFinding, latest
from storage.ledger.tables import candle, decision, equity, fact
from storage.ledger.trades import Trade, trades_of
from strategies.kernel.state import DECISION, FACT, FactKind
from strategies.market import MINUTE_MS, UNITS_PER_QUOTE, CandleArray, Market
from strategies.market_versions import MarketVersions


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPosition:
    """A position as of the last account minute. Prices in quote, amounts in quote or base, times UTC ms.

    `unrealised` is of what is held, at its mean cost; `realised` is what reductions brought, less the fees and the
    funding of the whole round trip. Together they are `net`.
    """

    symbol: str
    side: str
    quantity: float
    entry_price: float  # mean cost of what is held
    mark_price: float
    notional: float
    unrealised: float
    unrealised_fraction: float  # of the cost of what is held
    realised: float
    net: float
    stop_loss: float | None
    take_profit: float | None
    liquidation_price: float | None
    fees: float
    funding: float
    opened_ms: int
    decision_ms: int
    trade: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityPoint:
    """The account at the close of a decision candle, in quote."""

    ms: int
    equity: float
    cash: float
    gross: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDecision:
    """A decision as it was written, with its signal when it gave one; its integers are in `market`'s ticks."""

    ms: int
    symbol: str
    market: Market
    record: np.void
    bundle_id: str
    signal: dict[str, Any] | None


class Ledger:
    """Read access to one account. Every call is one short query; none changes anything."""

    def __init__(self, engine: Engine, account: Account) -> None:
        self._engine = engine
        self.account = account

    @property
    def database(self) -> Engine:
        """Where it is kept, for those who read what stands beside it."""
        return self._engine

    def stopped(self) -> AccountCheckpoint:
        """Return the state after the last minute."""
        return last_state(self._engine, self.account)

    def versions(self, latest: Sequence[Market] = ()) -> MarketVersions:
        """Return the account's markets through time: facts are in ticks and lots of theirs."""
        return market_versions(self._engine, self.account.id, latest or self.stopped().markets)

    def facts(self, since_ms: int = 0, until_ms: int | None = None) -> np.ndarray:
        """Return (n,) FACT in the order they happened, by account minute."""
        wanted = [fact.c.minute_ms >= since_ms]
        if until_ms is not None:
            wanted.append(fact.c.minute_ms < until_ms)
        return _facts_array(self._fact_rows(*wanted))

    def trades(
        self, *, since_ms: int = 0, until_ms: int | None = None, symbol: str | None = None, limit: int | None = None
    ) -> list[Trade]:
        """Return closed round trips that ended in [since_ms, until_ms), newest first, `limit` at most."""
        wanted = [fact.c.kind == FactKind.FILL, fact.c.position == 0, fact.c.ms >= since_ms]
        if until_ms is not None:
            wanted.append(fact.c.ms < until_ms)
        if symbol is not None:
            wanted.append(fact.c.market == _index_of(symbol, self.stopped().markets))
        ended = select(fact.c.market, fact.c.trade).where(fact.c.account_id == self.account.id, *wanted)
        return self._trades(ended.order_by(fact.c.minute_ms.desc(), fact.c.number.desc()).limit(limit))[::-1]

    def trade(self, name: str) -> Trade | None:
        """Return a round trip by its id, open or closed; None where there is none."""
        symbol, _, number = name.rpartition("-")
        if not number.isdecimal():
            return None
        market = _index_of(symbol, self.stopped().markets)
        opened = select(fact.c.market, fact.c.trade).where(
            fact.c.account_id == self.account.id, fact.c.market == market, fact.c.trade == int(number)
        )
        return next(iter(self._trades(opened.limit(1))), None)

    def positions(self) -> list[OpenPosition]:
        """Return the open positions at the last marks."""
        stopped = self.stopped()
        return [
            open_position(record, market)
            for record, market in zip(stopped.state.positions, stopped.markets, strict=True)
            if record["lots"] != 0
        ]

    def equity(self, since_ms: int = 0, until_ms: int | None = None, limit: int | None = None) -> list[EquityPoint]:
        """Return the equity curve at the closes of decision candles, ascending; the newest `limit` points."""
        query = select(equity).where(equity.c.account_id == self.account.id, equity.c.ms >= since_ms)
        if until_ms is not None:
            query = query.where(equity.c.ms < until_ms)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(equity.c.ms.desc()).limit(limit)).mappings().all()
        return [
            EquityPoint(ms=row["ms"], **{name: row[name] / UNITS_PER_QUOTE for name in ("equity", "cash", "gross")})
            for row in reversed(rows)
        ]

    def candles(
        self, symbol: str, since_ms: int = 0, until_ms: int | None = None, limit: int = KEPT_CANDLES
    ) -> CandleArray:
        """Return the newest decision candles of a market that opened in [since_ms, until_ms), (n, 6), ascending."""
        columns = [candle.c[name] for name in ("open_ms", "open", "high", "low", "close", "volume")]
        wanted = [candle.c.account_id == self.account.id, candle.c.open_ms >= since_ms]
        wanted.append(candle.c.market == _index_of(symbol, self.stopped().markets))
        if until_ms is not None:
            wanted.append(candle.c.open_ms < until_ms)
        query = select(*columns).where(and_(*wanted)).order_by(candle.c.open_ms.desc()).limit(limit)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return np.array([tuple(row) for row in reversed(rows)], np.float64).reshape(-1, 6)

    def closes(self, times_ms: Sequence[int]) -> dict[int, dict[str, float]]:
        """Return the prices at closes of decision candles, by time and market; times without a candle are left out."""
        length_ms = self.account.timeframe.ms
        wanted = and_(candle.c.account_id == self.account.id, candle.c.open_ms.in_([ms - length_ms for ms in times_ms]))
        with reading(self._engine) as connection:
            rows = connection.execute(select(candle.c.open_ms, candle.c.market, candle.c.close).where(wanted)).all()
        markets = self.stopped().markets
        found: dict[int, dict[str, float]] = {}
        for open_ms, market, close in rows:
            if market < len(markets):
                found.setdefault(open_ms + length_ms, {})[markets[market].symbol] = float(close)
        return found

    def finding(self, kind: Kind) -> MonitorFinding | None:
        """Return what a monitor found last; None before its first run."""
        return latest(self._engine, self.account, kind)

    def decisions(
        self,
        *,
        since_ms: int = 0,
        until_ms: int | None = None,
        symbol: str | None = None,
        signals_only: bool = False,
        limit: int = 100,
    ) -> list[RecordedDecision]:
        """Return decisions in [since_ms, until_ms), newest first."""
        markets = self.stopped().markets
        wanted = [decision.c.account_id == self.account.id, decision.c.ms >= since_ms]
        if until_ms is not None:
            wanted.append(decision.c.ms < until_ms)
        if symbol is not None:
            wanted.append(decision.c.market == _index_of(symbol, markets))
        if signals_only:
            wanted.append(decision.c.signal.is_not(None))
        query = select(decision).where(and_(*wanted)).order_by(decision.c.ms.desc(), decision.c.market).limit(limit)
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        versions = self.versions(markets)
        return [_recorded(row, versions) for row in rows]

    def _fact_rows(self, *wanted: ColumnElement[bool]) -> Sequence[RowMapping]:
        query = select(fact).where(fact.c.account_id == self.account.id, *wanted)
        with reading(self._engine) as connection:
            return connection.execute(query.order_by(fact.c.minute_ms, fact.c.number)).mappings().all()

    def _trades(self, chosen: Select[tuple[int, int]]) -> list[Trade]:
        """Return the round trips that a query for (market, trade) names, in the order in which they ended."""
        names = chosen.subquery()
        rows = self._fact_rows(tuple_(fact.c.market, fact.c.trade).in_(select(names.c.market, names.c.trade)))
        stopped = self.stopped()
        bundles: dict[tuple[int, int], str] = {}
        for row in rows:
            bundles.setdefault((row["market"], row["trade"]), row["bundle_id"])
        return trades_of(_facts_array(rows), self.versions(stopped.markets), stopped.state.positions["mark"], bundles)


def open_position(record: np.void, market: Market) -> OpenPosition:
    """Return an open POSITION record in people's units."""
    lots = int(record["lots"])
    value = lots * int(record["mark"]) * market.unit_value
    cost, cash_flow = int(record["cost"]), int(record["cash_flow"])
    return OpenPosition(
        symbol=market.symbol,
        side="LONG" if lots > 0 else "SHORT",
        quantity=float(market.quantity(abs(lots))),
        entry_price=_mean_price(market, cost, lots) if cost else float(market.price(int(record["entry"]))),
        mark_price=float(market.price(int(record["mark"]))),
        notional=abs(value) / UNITS_PER_QUOTE,
        unrealised=(value - cost) / UNITS_PER_QUOTE,
        unrealised_fraction=(value - cost) / abs(cost) if cost else 0.0,
        realised=(cash_flow + cost) / UNITS_PER_QUOTE,
        net=(cash_flow + value) / UNITS_PER_QUOTE,
        stop_loss=_price(market, int(record["stop"])),
        take_profit=_price(market, int(record["take"])),
        liquidation_price=_price(market, int(record["liquidation"])),
        fees=int(record["fees"]) / UNITS_PER_QUOTE,
        funding=int(record["funding"]) / UNITS_PER_QUOTE,
        opened_ms=int(record["opened_ms"]),
        decision_ms=int(record["decision_ms"]),
        trade=int(record["trade"]),
    )


def _mean_price(market: Market, cost: int, lots: int) -> float:
    numerator, denominator = market.tick.as_integer_ratio()
    return cost * numerator / (lots * market.unit_value * denominator)


def _price(market: Market, ticks: int) -> float | None:
    return float(market.price(ticks)) if ticks else None


def _facts_array(rows: Sequence[RowMapping]) -> np.ndarray:
    facts = np.zeros(len(rows), FACT)
    for name in FACT.names or ():
        facts[name] = [row[name] for row in rows]
    return facts


def _recorded(row: RowMapping, versions: MarketVersions) -> RecordedDecision:
    market = versions.at(row["market"], row["ms"] - MINUTE_MS)  # of the minute that ended with the decision
    return RecordedDecision(
        ms=row["ms"],
        symbol=market.symbol,
        market=market,
        record=np.frombuffer(row["record"], DECISION)[0],
        bundle_id=row["bundle_id"],
        signal=orjson.loads(row["signal"]) if row["signal"] else None,
    )


def _index_of(symbol: str, markets: tuple[Market, ...]) -> int:
    return next((index for index, market in enumerate(markets) if market.symbol == symbol), -2)
