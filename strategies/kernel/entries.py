"""Entry conditions: whether a market may be entered, each condition with its refusal. Exits ask nobody."""

from __future__ import annotations

import math

from strategies.kernel.books import Books
from strategies.kernel.compiled import Record, compiled
from strategies.kernel.protections import is_forced_exit
from strategies.kernel.state import RefusalCode, StatusCode


@compiled
def entry_refusal(books: Books, m: int, row: Record, threshold: float, not_ready: bool, late: bool) -> int:
    """Return why market `m` may not be entered on the side of its conviction, or NONE. Limits of the account come
    later.

    Args:
        row: its DECISION record, described: conviction, expected return, cost, sigma, price, ms.
        threshold: |conviction| needed.
        not_ready: a gap is open there, or the warm-up is incomplete.
        late: the whole decision came too late; LATE is the last reason, given to what would have been entered.
    """
    status = books.markets[m].status
    if status != StatusCode.TRADING.value:
        return standing_refusal(status)
    if not_ready or row.price <= 0:
        return RefusalCode.NOT_READY.value
    if math.isnan(row.conviction):
        return RefusalCode.NO_SCORE.value
    if not row.sigma > 0.0:
        return RefusalCode.NOT_READY.value
    if abs(row.conviction) < threshold or row.conviction == 0.0:
        return RefusalCode.WEAK.value
    rule, side = books.rules[0], (1 if row.conviction > 0.0 else -1)
    if (side > 0 and rule.allow_long == 0) or (side < 0 and rule.allow_short == 0):
        return RefusalCode.SIDE.value
    if side * row.expected_return <= row.cost * rule.cost_margin:  # never of NaN
        return RefusalCode.COST.value
    refusal = _lock_refusal(books, m, side, row.ms)
    if refusal == RefusalCode.NONE.value and late:
        return RefusalCode.LATE.value
    return refusal


@compiled
def standing_refusal(status: int) -> int:
    """Return why a market of this `StatusCode` may not be entered, or NONE."""
    if status == StatusCode.TRADING.value:
        return RefusalCode.NONE.value
    if status == StatusCode.HALTED.value:
        return RefusalCode.HALTED.value
    return RefusalCode.LEAVING.value if status == StatusCode.LEAVING.value else RefusalCode.GONE.value


@compiled
def _lock_refusal(books: Books, m: int, side: int, now_ms: int) -> int:
    """Return the lock, block or pause that stands against an entry on `side` at `now_ms`, or NONE."""
    position, state = books.positions[m], books.account[0]
    if now_ms < (position.long_blocked_until_ms if side > 0 else position.short_blocked_until_ms):
        return RefusalCode.BLOCKED.value
    if now_ms < position.cooldown_until_ms:
        return RefusalCode.COOLDOWN.value
    if state.drawdown_locked != 0:
        return RefusalCode.DRAWDOWN.value
    if state.day_locked != 0:
        return RefusalCode.DAILY_LOSS.value
    if state.paused != 0 or is_forced_exit(books.orders, m):
        return RefusalCode.PAUSED.value
    return RefusalCode.NONE.value
