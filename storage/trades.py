"""Round trips from facts: what was bought and sold between flat and flat, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping

from strategies.market import UNITS_PER_QUOTE, Market
from strategies.state import FactKind, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One round trip in one market. Money in quote, exact to 1e-8; open while `closed_ms` is None."""

    id: str  # "BTCUSDT-17"
    symbol: str
    side: str
    quantity: float  # largest held
    opened_ms: int
    closed_ms: int | None
    entry_price: float
    exit_price: float | None
    net: float  # after fees and funding
    fees: float
    funding: float  # > 0 paid
    return_fraction: float  # net / entry notional
    opened_because: str
    closed_because: str | None
    decision_ms: int
    bundle_id: str


def trades_of(rows: Sequence[RowMapping], markets: tuple[Market, ...]) -> list[Trade]:
    """Return the round trips among fact rows, in the order in which they ended, open ones last.

    Args:
        rows: fact rows of one account in the order they happened.
        markets: the account's markets in their fixed order.
    """
    groups: dict[tuple[int, int], list[RowMapping]] = {}
    for row in rows:
        if row["kind"] in (FactKind.FILL, FactKind.FUNDING) and row["trade"]:
            groups.setdefault((row["market"], row["trade"]), []).append(row)
    trades = [_trade(group, markets[market]) for (market, _), group in groups.items()]
    return sorted(trades, key=lambda trade: (trade.closed_ms is None, trade.closed_ms or trade.opened_ms))


def _trade(rows: list[RowMapping], market: Market) -> Trade:
    fills = [row for row in rows if row["kind"] == FactKind.FILL]
    first, last = fills[0], fills[-1]
    closed = last["position"] == 0
    side = 1 if first["lots"] > 0 else -1
    leaving = [row for row in fills if row["lots"] * side < 0]
    net = sum(row["cash_flow"] for row in rows)
    notional = abs(first["lots"]) * first["price"] * market.unit_value
    return Trade(
        id=f"{market.symbol}-{first['trade']}",
        symbol=market.symbol,
        side="LONG" if side > 0 else "SHORT",
        quantity=float(market.quantity(max(abs(row["position"]) for row in fills))),
        opened_ms=first["ms"],
        closed_ms=last["ms"] if closed else None,
        entry_price=float(market.price(first["price"])),
        exit_price=_average(leaving, market) if closed else None,
        net=net / UNITS_PER_QUOTE,
        fees=sum(row["fee"] for row in fills) / UNITS_PER_QUOTE,
        funding=-sum(row["cash_flow"] for row in rows if row["kind"] == FactKind.FUNDING) / UNITS_PER_QUOTE,
        return_fraction=net / notional if notional else 0.0,
        opened_because=Reason(first["reason"]).name.lower(),
        closed_because=Reason(last["reason"]).name.lower() if closed else None,
        decision_ms=first["decision_ms"],
        bundle_id=first["bundle_id"],
    )


def _average(fills: list[RowMapping], market: Market) -> float:
    lots = sum(abs(row["lots"]) for row in fills)
    return (
        float(market.price(1)) * sum(abs(row["lots"]) * row["price"] for row in fills) / lots if lots else float("nan")
    )
