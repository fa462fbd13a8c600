"""The execution kernel: an account of M markets, moved forward one bar at a time.

The live trader, the replay, the backtest's compiled loop and the training environment call these very functions; no
driver has a fee, a rule or a formula of its own. Everything is int64: prices in ticks, quantities in lots, cash in
units of 1e-8 quote.

Order of events inside a bar:

1. funding on the position held, at the bar's open;
2. the due order fills at the open with slippage, fee added, brackets measured from the fill;
3. stop, take, trail, liquidation (`exits.py`);
4. mark at the close; equity, day, drawdown, protections (`protections.py`);
5. new orders wait (`signals.decide`, `apply_command`).

Every function takes the account's `Books` and `count`, the rows of `books.facts` used so far, and returns the new
`count`.

Nothing is allocated, so thousands of one-market accounts advance in a `prange`, each with `Books` of views of its own
records and of its own row of a (N, 16) fact buffer: `settle_bar(books, 0, open_ms, bars[t], rate, 0)`, then
`mark_account`. An account may start anew by zeroing its records; its minutes should not lie on 1970-01-01, since day 0
means "not locked".
"""

from __future__ import annotations

import numpy as np

from strategies.kernel.arithmetic import muldiv_ceil, muldiv_floor, overflows, slipped
from strategies.kernel.books import Books
from strategies.kernel.compiled import compiled, inlined
from strategies.kernel.exits import settle_exits
from strategies.kernel.fills import miss, set_brackets, settle_funding, trade
from strategies.kernel.protections import CommandCode, apply_command, mark_account, place_order
from strategies.kernel.state import NO_RATE, Reason
from strategies.market import HOUR_MS

__all__ = [
    "CommandCode",
    "apply_command",
    "mark_account",
    "muldiv_ceil",
    "muldiv_floor",
    "place_order",
    "settle_bar",
    "settle_minute",
]


@inlined
def settle_minute(
    books: Books, open_ms: int, bars: np.ndarray, present: np.ndarray, funding_e8: np.ndarray, count: int
) -> int:
    """Settle the bar of every present market in order, then mark the account.

    An absent market keeps its mark; an entry that was due at the absent bar is missed, an exit waits for the first
    present one.

    Args:
        bars: (M, 5) int64: open, high, low, close in ticks, volume in lots.
        present: (M,) bool.
        funding_e8: (M,) int64, or NO_RATE.
    """
    for m in range(len(books.positions)):
        if present[m]:
            count = settle_bar(books, m, open_ms, bars[m], funding_e8[m], count)
        elif books.orders[m].active == 1 and open_ms >= books.orders[m].due_ms:
            count = miss(books, m, open_ms, Reason.LATE.value, count)
    return mark_account(books, open_ms, count)


@inlined
def settle_bar(books: Books, m: int, open_ms: int, bar: np.ndarray, funding_e8: int, count: int) -> int:
    """Settle events 1 to 3 of one market's bar and mark its position at the close.

    A bar older than the last one settled in this market changes nothing.

    Args:
        bar: (5,) int64: open, high, low, close in ticks, volume in lots.
        funding_e8: rate that settles at this open, or NO_RATE. A rate off the full hour, or in a minute already
            marked, is LATE.
    """
    position = books.positions[m]
    if open_ms < position.last_ms:
        return count
    if funding_e8 != NO_RATE and position.lots != 0:
        late = open_ms % HOUR_MS != 0 or open_ms <= books.account[0].last_ms
        reason = Reason.LATE.value if late else Reason.SETTLED.value
        count = settle_funding(books, m, open_ms, bar[0], funding_e8, reason, count)
    if books.orders[m].active == 1 and open_ms >= books.orders[m].due_ms:
        count = _fill_due(books, m, open_ms, bar[0], count)
    if position.lots != 0:
        count = settle_exits(books, m, open_ms, bar, count)
    position.mark = bar[3]
    position.last_ms = open_ms
    return count


@compiled
def _fill_due(books: Books, m: int, open_ms: int, opening: int, count: int) -> int:
    """Fill the due order at the open; one that goes through zero is two fills at one price."""
    order, market, held = books.orders[m], books.markets[m], books.positions[m].lots
    if order.target == held:
        order.active = 0
        return count
    price = slipped(opening, market.slippage_e8, 1 if order.target > held else -1)
    if overflows(order.target, price, market.unit_value):
        count = miss(books, m, open_ms, Reason.NONE.value, count)
        if order.active == 0:
            return count
    order.active = 0
    change, reason, decision_ms = order.target - held, order.reason, order.decision_ms
    if held != 0 and order.target != 0 and (held > 0) != (order.target > 0):
        count = trade(books, m, open_ms, -held, price, market.fee_e8, reason, decision_ms, count)
        change = order.target
    count = trade(books, m, open_ms, change, price, market.fee_e8, reason, decision_ms, count)
    if books.positions[m].lots == change:
        set_brackets(books, m, order.stop_e8, order.take_e8, order.trail_e8)
    return count
