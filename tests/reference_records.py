"""What the reference kernel keeps: terms, protections, orders and books, and the two ways it rounds a price."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

from strategies.kernel.state import Reason

ONE = 10**8


@dataclass
class Terms:
    """What a market costs."""

    unit_value: int
    fee_e8: int
    slippage_e8: int
    leverage: int
    maintenance_e8: int
    liquidation_fee_e8: int


@dataclass
class Protections:
    """The settings that the kernel itself obeys."""

    block_ms: int
    cooldown_ms: int
    daily_loss_stop: float
    drawdown_stop: float


@dataclass
class Order:
    """Lots to hold from the first bar at or after `due_ms`; distances are fractions x 1e8."""

    target: int
    due_ms: int
    decision_ms: int
    reason: Reason
    stop_e8: int = 0
    take_e8: int = 0
    trail_e8: int = 0


@dataclass
class Book:
    """One market of the account: its position, its pending order, its blocks."""

    terms: Terms
    order: Order | None = None
    lots: int = 0
    mark: int = 0
    entry: int = 0
    cost: int = 0
    best: int = 0
    stop: int = 0
    take: int = 0
    trail_e8: int = 0
    trade: int = 0
    trade_cash_flow: int = 0
    opened_by: int = 0
    last_ms: int = 0
    blocked: dict[int, int] = field(default_factory=lambda: {1: 0, -1: 0})
    cooldown_until: int = 0

    @property
    def side(self) -> int:
        return (self.lots > 0) - (self.lots < 0)


def market_price(price: int, terms: Terms, direction: int) -> int:
    """Return open x (1 +- slippage), on the tick against us."""
    exact = price * (1 + Fraction(direction * terms.slippage_e8, ONE))
    return ceil(exact) if direction > 0 else max(1, floor(exact))


def trigger(price: int, signed_distance_e8: int, side: int) -> int:
    """Return a bracket: a stop is rounded to be touched earlier, a target later; 0 for none."""
    if signed_distance_e8 == 0:
        return 0
    exact = price * (1 + Fraction(signed_distance_e8, ONE))
    return max(0, ceil(exact) if side > 0 else floor(exact))
