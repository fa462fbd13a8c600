"""Exits, event 3 of a bar: stop, take, trail and liquidation against the bar's range.

A gap fills at the open; else the adverse trigger nearest the open is touched first, and stop before take when both lie
within the bar, since a bar does not say which came first. `best` moves after the check: the bar's own high never
tightens the stop that its low is held to.
"""

from __future__ import annotations

import numpy as np

from strategies.kernel.arithmetic import nearer, slipped
from strategies.kernel.books import Books
from strategies.kernel.compiled import compiled, inlined
from strategies.kernel.fills import block_side, trade
from strategies.kernel.liquidation import bankruptcy_price
from strategies.kernel.state import Reason


@inlined
def settle_exits(books: Books, m: int, open_ms: int, bar: np.ndarray, count: int) -> int:
    """Close the position held in market `m` where the bar touches a trigger; else follow its best price."""
    position = books.positions[m]
    side = 1 if position.lots > 0 else -1
    favourable, adverse = (bar[1], bar[2]) if side > 0 else (bar[2], bar[1])
    trail = nearer(position.best, position.trail_e8, side) if position.trail_e8 > 0 else 0
    trails = trail != 0 and (position.stop == 0 or side * trail > side * position.stop)
    stop = trail if trails else position.stop
    reason, price = _touched(side, bar[0], favourable, adverse, stop, position.take, position.liquidation)
    if reason == Reason.NONE.value:
        if side * favourable > side * position.best:
            position.best = favourable
        return count
    if reason == Reason.STOP.value and trails:
        reason = Reason.TRAIL.value
    return _exit(books, m, open_ms, price, reason, count)


@inlined
def _touched(
    side: int, opening: int, favourable: int, adverse: int, stop: int, take: int, liquidation: int
) -> tuple[int, int]:
    """Return (reason, price before slippage) of the trigger touched first, or (NONE, 0). A trigger of 0 is none."""
    if liquidation != 0 and side * opening <= side * liquidation:
        return Reason.LIQUIDATION.value, opening
    if stop != 0 and side * opening <= side * stop:
        return Reason.STOP.value, opening
    if take != 0 and side * opening >= side * take:
        return Reason.TAKE.value, opening
    stop_is_nearer = stop != 0 and (liquidation == 0 or side * stop > side * liquidation)
    if stop_is_nearer and side * adverse <= side * stop:
        return Reason.STOP.value, stop
    if liquidation != 0 and side * adverse <= side * liquidation:
        return Reason.LIQUIDATION.value, liquidation
    if take != 0 and side * favourable >= side * take:
        return Reason.TAKE.value, take
    return Reason.NONE.value, 0


@compiled
def _exit(books: Books, m: int, open_ms: int, price: int, reason: int, count: int) -> int:
    position, market, order = books.positions[m], books.markets[m], books.orders[m]
    side = 1 if position.lots > 0 else -1
    fee_e8 = market.fee_e8
    if reason != Reason.TAKE.value:
        price = slipped(price, market.slippage_e8, -side)
    if reason == Reason.LIQUIDATION.value:
        bankrupt = bankruptcy_price(position.lots, position.cost, market.unit_value, market.leverage)
        price = side * max(side * price, side * bankrupt)
        fee_e8 += market.liquidation_fee_e8
    block_side(books, m, side, open_ms)
    if order.active == 1 and side * order.target > 0:
        order.active = 0  # the plan to hold this side ends with its stop
    return trade(books, m, open_ms, -position.lots, price, fee_e8, reason, position.decision_ms, count)
