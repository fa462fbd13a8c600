"""Round trips of the ledger as people read them: names for numbers, and the bundle that opened each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from strategies.kernel.round_trips import RoundTrip, round_trips
from strategies.market import Market


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One round trip in one market. Money in quote, exact to 1e-8; open while `closed_ms` is None."""

    id: str  # "BTCUSDT-17"
    symbol: str
    side: str
    quantity: float  # largest held
    resizes: int  # fills that neither opened nor closed it
    opened_ms: int
    closed_ms: int | None
    entry_price: float  # mean of the fills that grew it
    first_price: float  # of the first fill: stop and target are measured from it
    exit_price: float | None  # mean of the fills that shrank it
    net: float  # after fees and funding; of an open one at the last mark
    fees: float
    funding: float  # > 0 paid
    return_fraction: float  # net / the largest position at cost
    opened_because: str
    closed_because: str | None
    decision_ms: int
    bundle_id: str


def trades_of(
    facts: np.ndarray, markets: Sequence[Market], marks: np.ndarray, bundles: Mapping[tuple[int, int], str]
) -> list[Trade]:
    """Return the round trips among an account's facts, in the order in which they ended, open ones last.

    Args:
        facts: (n,) FACT in the order they happened.
        markets: the account's markets in their fixed order.
        marks: (M,) ticks at which open trades are valued.
        bundles: who opened the round trip, by market and trade number.
    """
    trips = sorted(round_trips(facts, markets, marks), key=_end)
    return [_named(trip, bundles[trip.market, trip.number]) for trip in trips]


def _end(trip: RoundTrip) -> tuple[bool, int]:
    return (not trip.is_closed, trip.opened_ms if trip.closed_ms is None else trip.closed_ms)


def _named(trip: RoundTrip, bundle_id: str) -> Trade:
    return Trade(
        id=f"{trip.symbol}-{trip.number}",
        symbol=trip.symbol,
        side="LONG" if trip.side > 0 else "SHORT",
        quantity=trip.quantity,
        resizes=trip.resizes,
        opened_ms=trip.opened_ms,
        closed_ms=trip.closed_ms,
        entry_price=trip.entry,
        first_price=trip.first_price,
        exit_price=trip.exit,
        net=trip.net,
        fees=trip.fees,
        funding=trip.funding,
        return_fraction=trip.net_return,
        opened_because=trip.opened_by.name.lower(),
        closed_because=None if trip.closed_by is None else trip.closed_by.name.lower(),
        decision_ms=trip.decision_ms,
        bundle_id=bundle_id,
    )
