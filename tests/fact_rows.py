"""Facts written by hand, for tests that read what the kernel emits."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from strategies.kernel.state import FACT, FactKind, Reason
from strategies.market import Market

BITCOIN = Market(exchange="binanceusdm", symbol="BTCUSDT", tick=Decimal("0.1"), lot=Decimal("0.001"))
ETHER = Market(exchange="binanceusdm", symbol="ETHUSDT", tick=Decimal("0.01"), lot=Decimal("0.001"))
MARKETS = (BITCOIN, ETHER)


def facts_of(*rows: np.ndarray) -> np.ndarray:
    """Return rows as one (n,) FACT array."""
    return np.concatenate([np.zeros(0, FACT), *rows])


def fill(
    ms: int,
    lots: int,
    price: int,
    held: int,
    *,
    market: int = 0,
    trade: int = 1,
    fee: int = 0,
    reason: Reason = Reason.SIGNAL,
) -> np.ndarray:
    """Return a fill of signed `lots` at `price` ticks that leaves `held` lots."""
    row = np.zeros(1, FACT)
    row["kind"], row["ms"], row["market"], row["trade"] = FactKind.FILL, ms, market, trade
    row["lots"], row["price"], row["position"], row["fee"], row["reason"] = lots, price, held, fee, reason
    row["cash_flow"] = -lots * price * MARKETS[market].unit_value - fee
    return row


def funding(ms: int, held: int, price: int, paid_units: int, *, market: int = 0, trade: int = 1) -> np.ndarray:
    """Return a funding settlement of `paid_units` on `held` lots."""
    row = np.zeros(1, FACT)
    row["kind"], row["ms"], row["market"], row["trade"] = FactKind.FUNDING, ms, market, trade
    row["price"], row["position"], row["cash_flow"], row["reason"] = price, held, -paid_units, Reason.SETTLED
    return row
