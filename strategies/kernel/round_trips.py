"""Round trips, read off the kernel's facts; the ledger, the backtest and the reports share them.

A trade begins with the fill that leaves flat and ends with the fill that returns to it. Nothing is computed here
that the kernel has not already booked: profit, fees and funding are sums of its integers. Knows nothing of equity
curves or statistics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.kernel.state import FactKind, Reason
from strategies.market import HOUR_MS, RATE_ONE, UNITS_PER_QUOTE, Market
from strategies.market_versions import MarketVersions


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrip:
    """One round trip; the last of a run may still be open.

    Attributes:
        market: index in the account's fixed order.
        number: of the round trip within its market, from 1.
        side: +1 long, -1 short.
        opened_ms, closed_ms: opens of the bars of the first and the last fill; `closed_ms` is None while open.
        decision_ms: the decision that opened it.
        entry, exit: mean prices of the fills that grew and of those that shrank the position, quote currency.
        first_price: of the first fill, from which stop and target are measured.
        quantity: largest position held, base currency.
        notional: the largest position at what its lots cost on average, quote currency, > 0.
        resizes: fills that neither opened nor closed it.
        net: profit after fees and funding, quote currency; of an open trade at the last mark, closing costs not
            counted.
        fees, funding: paid, quote currency; funding < 0 was received.
        opened_by, closed_by: the `Reason` of the first and the last fill.
    """

    market: int
    symbol: str
    number: int
    side: int
    opened_ms: int
    closed_ms: int | None
    decision_ms: int
    entry: float
    exit: float | None
    quantity: float
    notional: float
    net: float
    fees: float
    funding: float
    opened_by: Reason
    closed_by: Reason | None
    first_price: float
    resizes: int = 0

    @property
    def is_closed(self) -> bool:
        return self.closed_ms is not None

    @property
    def duration_h(self) -> float:
        """Hours held; NaN while open."""
        return float("nan") if self.closed_ms is None else (self.closed_ms - self.opened_ms) / HOUR_MS

    @property
    def net_return(self) -> float:
        """Net profit as a fraction of the largest notional entered: a trade that grew tenfold is not ten trades."""
        return self.net / self.notional


def round_trips(facts: np.ndarray, markets: Sequence[Market], marks: np.ndarray) -> list[RoundTrip]:
    """Return the trades of an account in the order they were opened.

    A trade whose first fill is not among the facts (it was held when the run began) is left out.

    Args:
        facts: (n,) FACT in the order the kernel emitted them.
        markets: the account's markets in its fixed order, or their versions: facts are in units of their time.
        marks: (M,) int64 ticks: the last close of each market, at which open trades are valued.
    """
    chosen = facts[np.isin(facts["kind"], (FactKind.FILL, FactKind.FUNDING)) & (facts["trade"] > 0)]
    order = np.lexsort((np.arange(len(chosen)), chosen["trade"], chosen["market"]))
    grouped = chosen[order]
    starts = np.flatnonzero(np.diff(grouped["market"], prepend=-2) | np.diff(grouped["trade"], prepend=-2))
    groups = [group for group in np.split(grouped, starts[1:]) if _begins_flat(group)]
    versions = MarketVersions.of(markets)
    trades = [_trade(group, versions, int(marks[group["market"][0]])) for group in groups]
    return sorted(trades, key=lambda trade: (trade.opened_ms, trade.market))


def realised(facts: np.ndarray) -> list[float | None]:
    """Return what every fill that shrank a position brought, units: against its mean cost, after its fee.

    Args:
        facts: (n,) FACT of one round trip, in their order; None stands where nothing was sold.
    """
    cost, found = 0.0, list[float | None]()
    for fact in facts:
        lots, after, paid = int(fact["lots"]), int(fact["position"]), -int(fact["cash_flow"]) - int(fact["fee"])
        if fact["kind"] != FactKind.FILL:
            found.append(None)
        elif (after - lots) * lots >= 0:
            cost += paid
            found.append(None)
        else:
            share = cost * (1.0 - after / (after - lots))
            cost -= share
            found.append(-share - paid - int(fact["fee"]))
    return found


def resized(facts: np.ndarray) -> int:
    """Return how many fills enlarged or reduced a position that was held before and after."""
    fills = facts[facts["kind"] == FactKind.FILL]
    return int(np.count_nonzero((fills["position"] != 0) & (fills["lots"] != fills["position"])))


def slippage_paid(facts: np.ndarray, markets: Sequence[Market], slippage_e8: np.ndarray) -> float:
    """Return what slippage cost, in quote currency, recomputed from the fills.

    A fill at `price` that slipped by the fraction s stood at price / (1 + s) before it when buying, price / (1 - s)
    when selling; targets are limit orders and slip nothing. Rounding to the tick is left out.

    Args:
        facts: (n,) FACT.
        slippage_e8: (M,) int64: the slippage of each market, fraction x 1e8.
    """
    fills = facts[(facts["kind"] == FactKind.FILL) & (facts["reason"] != Reason.TAKE)]
    versions = MarketVersions.of(markets)
    unit_values = np.array([_market_of(versions, fill).unit_value for fill in fills], np.float64)
    notional = np.abs(fills["lots"]) * fills["price"] * unit_values / UNITS_PER_QUOTE
    slipped = slippage_e8[fills["market"]] / RATE_ONE
    return float(np.sum(notional * slipped / (1.0 + np.sign(fills["lots"]) * slipped)))


def _begins_flat(group: np.ndarray) -> bool:
    return len(group) > 0 and group["kind"][0] == FactKind.FILL and group["lots"][0] == group["position"][0]


def _market_of(versions: MarketVersions, fact: np.void) -> Market:
    return versions.at(int(fact["market"]), int(fact["ms"]))


def _trade(group: np.ndarray, versions: MarketVersions, mark: int) -> RoundTrip:
    fills = group[group["kind"] == FactKind.FILL]
    markets = [_market_of(versions, fill) for fill in fills]
    first, last, latest = fills[0], fills[-1], versions[int(fills[0]["market"])]
    is_closed, is_growing = bool(last["position"] == 0), np.sign(fills["lots"]) == np.sign(first["lots"])
    held = round(float(markets[-1].quantity(int(last["position"]))) / float(latest.lot * latest.contract_size))
    sizes = [float(market.quantity(abs(int(fill["position"])))) for market, fill in zip(markets, fills, strict=True)]
    return RoundTrip(
        market=int(first["market"]),
        symbol=latest.symbol,
        number=int(first["trade"]),
        side=1 if first["lots"] > 0 else -1,
        opened_ms=int(first["ms"]),
        closed_ms=int(last["ms"]) if is_closed else None,
        decision_ms=int(first["decision_ms"]),
        entry=_mean_price(fills[is_growing], [m for m, grows in zip(markets, is_growing, strict=True) if grows]),
        exit=_mean_price(fills[~is_growing], [m for m, grows in zip(markets, is_growing, strict=True) if not grows])
        if is_closed
        else None,
        quantity=max(sizes),
        notional=_largest_cost(fills, markets) / UNITS_PER_QUOTE,
        net=(int(group["cash_flow"].sum()) + held * mark * latest.unit_value) / UNITS_PER_QUOTE,
        fees=int(group["fee"].sum()) / UNITS_PER_QUOTE,
        funding=-int(group["cash_flow"][group["kind"] == FactKind.FUNDING].sum()) / UNITS_PER_QUOTE,
        opened_by=Reason(int(first["reason"])),
        closed_by=Reason(int(last["reason"])) if is_closed else None,
        first_price=float(markets[0].price(int(first["price"]))),
        resizes=len(fills) - 1 - is_closed,
    )


def _largest_cost(fills: np.ndarray, markets: Sequence[Market]) -> float:
    """Return the most that the lots held ever cost, units; a reduction takes its share of the cost along."""
    cost = most = 0.0
    for fill, market in zip(fills, markets, strict=True):
        lots, after = int(fill["lots"]), int(fill["position"])
        before = after - lots
        if before * lots >= 0:
            cost += abs(lots) * int(fill["price"]) * market.unit_value
        else:
            cost *= abs(after / before)
        most = max(most, cost)
    return most


def _mean_price(fills: np.ndarray, markets: Sequence[Market]) -> float:
    """Return the mean price of fills, weighted by their quantities; exact until the last division."""
    lots = [abs(int(part)) for part in fills["lots"]]
    if all(market.tick == markets[0].tick and market.lot == markets[0].lot for market in markets):
        paid = sum(part * int(price) for part, price in zip(lots, fills["price"], strict=True))
        numerator, denominator = markets[0].tick.as_integer_ratio()
        return paid * numerator / (sum(lots) * denominator)
    sizes = [part * market.lot * market.contract_size for part, market in zip(lots, markets, strict=True)]
    prices = [int(price) * market.tick for price, market in zip(fills["price"], markets, strict=True)]
    return float(sum(size * price for size, price in zip(sizes, prices, strict=True)) / sum(sizes))
