"""Position sizing: how large an entry is, and the room that leverage and position limits leave.

Compiled leaves of `signals.decide`. Floats end here, in the one floor to whole lots.
"""

from __future__ import annotations

import math

import numpy as np

from strategies.kernel.books import Books
from strategies.kernel.compiled import Record, compiled
from strategies.kernel.state import Sizing
from strategies.market import DAY_MS

MAX_NOTIONAL = float(2**58)  # cash units: 16 times below what the kernel can hold, room for the price to run


@compiled
def size(
    equity: int,
    market_count: int,
    rules: np.ndarray,
    market: Record,
    price_ticks: int,
    conviction: float,
    sigma: float,
    volatility: float,
    agreement: float,
    expected_return: float = math.nan,
) -> int:
    """Return the lots to hold, >= 0, before the account's limits; 0 where an input that the method needs is missing.

    Every market owns equity / market_count. Leverage of that share by method:
    VOLATILITY: target_volatility / volatility. FIXED_FRACTION: fixed_fraction. RISK_PER_TRADE: risk_per_trade / stop
        distance.
    KELLY: expected return / variance over the horizon (Kelly 1956, the growth-optimal fraction of a small edge), at
        most kelly_cap.
    It is scaled by agreement, then capped at max_market_leverage.

    Args:
        equity: marked, units.
        market_count: markets of the account.
        rules: (1,) RULES.
        market: one MARKET record.
        price_ticks: last close.
        conviction: its sign is the side.
        sigma: deviation of the decision candle's log return.
        volatility: annual.
        agreement: of PPO with the side, -1..1; 0 without PPO.
        expected_return: over the horizon, signed fraction; NaN when unknown (KELLY then holds nothing).
    """
    if equity <= 0 or price_ticks <= 0:
        return 0
    side = 1.0 if conviction > 0.0 else -1.0
    leverage = _leverage(rules, side * expected_return, sigma, volatility) * agreement_factor(rules, agreement)
    if not leverage > 0.0:  # also NaN
        return 0
    notional = min(leverage, rules[0].max_market_leverage) * equity / market_count
    lots: int = math.floor(min(notional, MAX_NOTIONAL) / (float(price_ticks) * market.unit_value))
    return lots


@compiled
def _leverage(rules: np.ndarray, expected_return: float, sigma: float, volatility: float) -> float:
    rule = rules[0]
    if rule.sizing == Sizing.FIXED_FRACTION.value:
        leverage: float = rule.fixed_fraction
        return leverage
    if rule.sizing == Sizing.RISK_PER_TRADE.value:
        distance = rule.stop_sigmas * daily_sigma(rules, sigma)
        return rule.risk_per_trade / distance if distance > 0.0 else 0.0
    if rule.sizing == Sizing.KELLY.value:
        variance = sigma * sigma * rule.horizon_bars
        return min(expected_return / variance, rule.kelly_cap) if variance > 0.0 and expected_return > 0.0 else 0.0
    return rule.target_volatility / volatility if volatility > 0.0 else 0.0


@compiled
def agreement_factor(rules: np.ndarray, agreement: float) -> float:
    """Return the factor on the size: agreement_low at -1, 1 at 0, agreement_high at 1, linear between."""
    factor = 1.0
    if agreement < 0.0:
        factor += max(agreement, -1.0) * (1.0 - rules[0].agreement_low)
    elif agreement > 0.0:
        factor += min(agreement, 1.0) * (rules[0].agreement_high - 1.0)
    return factor


@compiled
def daily_sigma(rules: np.ndarray, sigma: float) -> float:
    """Return the deviation of a day's return, of one decision candle's."""
    return sigma * math.sqrt(DAY_MS / rules[0].timeframe_ms)


@compiled
def planned_lots(books: Books, m: int) -> int:
    """Return the signed lots that market `m` will hold once its pending order is filled."""
    lots: int = books.orders[m].target if books.orders[m].active == 1 else books.positions[m].lots
    return lots


@compiled
def gross_notional(books: Books) -> float:
    """Return the sum of |planned lots| at the marks, units."""
    gross = 0.0
    for m in range(len(books.positions)):
        gross += abs(planned_lots(books, m)) * float(books.positions[m].mark) * books.markets[m].unit_value
    return gross


@compiled
def net_notional(books: Books) -> float:
    """Return the sum of planned lots at the marks, shorts below 0, units."""
    net = 0.0
    for m in range(len(books.positions)):
        net += planned_lots(books, m) * float(books.positions[m].mark) * books.markets[m].unit_value
    return net


@compiled
def open_positions(books: Books) -> int:
    """Return how many markets will hold a position once the pending orders are filled."""
    count = 0
    for m in range(len(books.positions)):
        if planned_lots(books, m) != 0:
            count += 1
    return count


@compiled
def lots_that_fit(lots: int, market: Record, price_ticks: int, room: float) -> int:
    """Return at most `lots`, as many as `room` units of notional hold."""
    fitting: int = min(lots, math.floor(max(room, 0.0) / (float(price_ticks) * market.unit_value)))
    return fitting


@compiled
def is_too_small(lots: int, market: Record, price_ticks: int) -> bool:
    """Tell whether an order of `lots` is under the market's minimum."""
    too_small: bool = lots < max(market.min_lots, 1) or lots * price_ticks * market.unit_value < market.min_notional
    return too_small
