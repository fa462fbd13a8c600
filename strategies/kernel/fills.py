"""Trades and funding: how a position and the cash change, and the facts that say so.

The lowest part of the kernel that knows accounts. It decides nothing: it is told how many lots change hands at which
price, and why.
"""

from __future__ import annotations

import numpy as np

from strategies.kernel.arithmetic import farther, muldiv_ceil, muldiv_floor, nearer
from strategies.kernel.books import Books
from strategies.kernel.compiled import compiled
from strategies.kernel.liquidation import liquidation_price
from strategies.kernel.state import FactKind
from strategies.market import RATE_ONE


@compiled
def emit(facts: np.ndarray, count: int, kind: int, ms: int, market: int, reason: int, decision_ms: int) -> int:
    """Write a fact without money at row `count` and return the next free row.

    Raises:
        IndexError: the caller's buffer is full.
    """
    if count >= len(facts):
        raise IndexError("the fact buffer is full; 8 rows a market and 8 more must be free")
    fact = facts[count]
    fact.kind, fact.ms, fact.market, fact.reason, fact.decision_ms = kind, ms, market, reason, decision_ms
    fact.trade = fact.lots = fact.price = fact.fee = fact.cash_flow = 0
    fact.position = fact.trade_cash_flow = fact.rate_e8 = 0
    return count + 1


@compiled
def trade(
    books: Books, m: int, open_ms: int, lots: int, price: int, fee_e8: int, reason: int, decision_ms: int, count: int
) -> int:
    """Open, grow, shrink or close the position by `lots` at `price`, never across zero. Emits one FILL."""
    position, market = books.positions[m], books.markets[m]
    notional = lots * price * market.unit_value
    fee = muldiv_ceil(abs(notional), fee_e8, RATE_ONE)
    held, after = position.lots, position.lots + lots
    if held == 0:
        _begin(books, m, open_ms, price, decision_ms)
    if held == 0 or (held > 0) == (lots > 0):
        position.cost += notional
    else:
        position.cost = muldiv_floor(position.cost, abs(after), abs(held))
    position.lots = after
    position.fees += fee
    position.cash_flow -= notional + fee
    books.account[0].cash -= notional + fee
    books.account[0].fees += fee
    next_row = emit(books.facts, count, FactKind.FILL.value, open_ms, m, reason, decision_ms)
    fact = books.facts[count]
    fact.trade, fact.lots, fact.price, fact.fee = position.trade, lots, price, fee
    fact.cash_flow, fact.position, fact.trade_cash_flow = -notional - fee, after, position.cash_flow
    if after == 0:
        _end(books, m, open_ms)
    else:
        position.liquidation = liquidation_price(
            after, position.cost, market.unit_value, market.leverage, market.maintenance_e8
        )
    return next_row


@compiled
def _begin(books: Books, m: int, open_ms: int, price: int, decision_ms: int) -> None:
    position = books.positions[m]
    position.trade += 1
    position.entry = position.best = price
    position.opened_ms, position.decision_ms = open_ms, decision_ms
    position.cost = position.cash_flow = position.fees = position.funding = 0


@compiled
def _end(books: Books, m: int, open_ms: int) -> None:
    position = books.positions[m]
    books.account[0].trades += 1
    if position.cash_flow < 0 and books.rules[0].cooldown_ms > 0:
        position.cooldown_until_ms = open_ms + books.rules[0].cooldown_ms
    position.cost = position.entry = position.best = position.opened_ms = position.decision_ms = 0
    position.stop = position.take = position.trail_e8 = position.liquidation = 0
    position.cash_flow = position.fees = position.funding = 0


@compiled
def set_brackets(books: Books, m: int, stop_e8: int, take_e8: int, trail_e8: int) -> None:
    """Place stop, take and trail around the entry of the position just opened."""
    position = books.positions[m]
    side = 1 if position.lots > 0 else -1
    position.stop = nearer(position.entry, stop_e8, side)
    position.take = farther(position.entry, take_e8, side)
    position.trail_e8 = trail_e8


@compiled
def settle_funding(books: Books, m: int, open_ms: int, price: int, rate_e8: int, reason: int, count: int) -> int:
    """Pay (or receive) funding on the lots held at `price`. Emits one FUNDING."""
    position = books.positions[m]
    notional = position.lots * price * books.markets[m].unit_value
    cash_flow = muldiv_floor(notional, -rate_e8, RATE_ONE)
    position.cash_flow += cash_flow
    position.funding -= cash_flow
    books.account[0].cash += cash_flow
    books.account[0].funding -= cash_flow
    next_row = emit(books.facts, count, FactKind.FUNDING.value, open_ms, m, reason, 0)
    fact = books.facts[count]
    fact.trade, fact.price, fact.cash_flow, fact.rate_e8 = position.trade, price, cash_flow, rate_e8
    fact.position, fact.trade_cash_flow = position.lots, position.cash_flow
    return next_row


@compiled
def miss(books: Books, m: int, open_ms: int, reason: int, count: int) -> int:
    """Drop the entry that the pending order wanted, keep what of it closes. Emits one MISSED if there was one."""
    order, held = books.orders[m], books.positions[m].lots
    if order.active == 0 or order.target == 0 or 0 < order.target <= held or held <= order.target < 0:
        return count
    if held != 0 and (held > 0) != (order.target > 0):
        order.target = 0
    else:
        order.active = 0
    return emit(books.facts, count, FactKind.MISSED.value, open_ms, m, reason, order.decision_ms)


@compiled
def block_side(books: Books, m: int, side: int, open_ms: int) -> None:
    """Refuse re-entry on `side` for `block_ms` after its stop, take, trail or liquidation."""
    if side > 0:
        books.positions[m].long_blocked_until_ms = open_ms + books.rules[0].block_ms
    else:
        books.positions[m].short_blocked_until_ms = open_ms + books.rules[0].block_ms
