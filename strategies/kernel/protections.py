"""Protections, event 4 of a bar: marks, the day's roll, daily-loss and drawdown locks; and what a person commands.

A protection refuses entries and closes what is open at the next bar; it never refuses an exit. The daily lock lifts
with the UTC day, the drawdown lock by a person's `unlock` only.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from strategies.kernel.books import Books
from strategies.kernel.compiled import compiled, inlined
from strategies.kernel.fills import emit, miss
from strategies.kernel.state import FactKind, Reason
from strategies.market import DAY_MS, MINUTE_MS


class CommandCode(IntEnum):
    """What `apply_command` understands; `swap` changes no account."""

    PAUSE = 1
    RESUME = 2
    CLOSE = 3
    STOP = 4
    UNLOCK = 5


@compiled
def place_order(
    orders: np.ndarray,
    m: int,
    target: int,
    due_ms: int,
    decision_ms: int,
    reason: int,
    stop_e8: int,
    take_e8: int,
    trail_e8: int,
) -> None:
    """Leave an order to hold `target` lots from the first bar with open_ms >= `due_ms`; it replaces the pending one."""
    order = orders[m]
    order.active, order.target, order.due_ms, order.decision_ms, order.reason = 1, target, due_ms, decision_ms, reason
    order.stop_e8, order.take_e8, order.trail_e8 = stop_e8, take_e8, trail_e8


@compiled
def is_forced_exit(orders: np.ndarray, m: int) -> bool:
    """Tell whether a protection's or a person's closing order is pending: no decision may replace it."""
    reason = orders[m].reason
    forced = (
        reason == Reason.COMMAND.value
        or reason == Reason.KILL_SWITCH.value
        or reason == Reason.DAILY_LOSS.value
        or reason == Reason.DRAWDOWN.value
    )
    pending: bool = orders[m].active == 1 and orders[m].target == 0 and forced
    return pending


@inlined
def mark_account(books: Books, open_ms: int, count: int) -> int:
    """Mark all positions at their last close; roll the day; trip the daily-loss and drawdown locks."""
    state = books.account[0]
    day = open_ms // DAY_MS
    if day > state.day:
        count = _roll_day(books, day, open_ms, count)
    equity = state.cash
    for m in range(len(books.positions)):
        equity += books.positions[m].lots * books.positions[m].mark * books.markets[m].unit_value
    state.equity = equity
    state.peak_equity = max(state.peak_equity, equity)
    state.last_ms = open_ms
    daily, drawdown = books.rules[0].daily_loss_stop, books.rules[0].drawdown_stop
    if daily > 0.0 and state.day_locked == 0 and state.day_equity - equity >= daily * state.day_equity:
        state.day_locked = day
        count = _lock(books, open_ms, Reason.DAILY_LOSS.value, count)
    if drawdown > 0.0 and state.drawdown_locked == 0 and state.peak_equity - equity >= drawdown * state.peak_equity:
        state.drawdown_locked = 1
        count = _lock(books, open_ms, Reason.DRAWDOWN.value, count)
    return count


@compiled
def _roll_day(books: Books, day: int, open_ms: int, count: int) -> int:
    state = books.account[0]
    state.day = day
    state.day_equity = state.equity
    if state.day_locked == 0:
        return count
    state.day_locked = 0
    return emit(books.facts, count, FactKind.UNLOCK.value, open_ms, -1, Reason.DAILY_LOSS.value, 0)


@compiled
def _lock(books: Books, open_ms: int, reason: int, count: int) -> int:
    count = emit(books.facts, count, FactKind.LOCK.value, open_ms, -1, reason, 0)
    for m in range(len(books.positions)):
        count = _close_next(books, m, open_ms, reason, count)
    return count


@compiled
def _close_next(books: Books, m: int, open_ms: int, reason: int, count: int) -> int:
    """Drop the pending entry and close what is held at the next bar; an earlier forced exit keeps its reason."""
    count = miss(books, m, open_ms, reason, count)
    if books.positions[m].lots != 0 and not is_forced_exit(books.orders, m):
        place_order(books.orders, m, 0, open_ms + MINUTE_MS, 0, reason, 0, 0, 0)
    return count


@compiled
def apply_command(books: Books, kind_code: int, market: int, open_ms: int, count: int) -> int:
    """Do what a person asked, after the marks of the minute that opened at `open_ms`.

    Args:
        kind_code: a CommandCode. PAUSE drops pending entries; CLOSE closes at the next bar; STOP does both; UNLOCK
            lifts locks.
        market: index for CLOSE and UNLOCK, -1: all, one that does not exist: none. UNLOCK of one market lifts its
            blocks and cooldown; of all also the account's locks, measured anew from the present equity.
    """
    first, last = (0, len(books.positions)) if market < 0 else (market, min(market + 1, len(books.positions)))
    if kind_code == CommandCode.PAUSE.value:
        books.account[0].paused = 1
        count = emit(books.facts, count, FactKind.LOCK.value, open_ms, -1, Reason.PAUSED.value, 0)
        for m in range(len(books.positions)):
            count = miss(books, m, open_ms, Reason.PAUSED.value, count)
    elif kind_code == CommandCode.RESUME.value:
        books.account[0].paused = 0
        count = emit(books.facts, count, FactKind.UNLOCK.value, open_ms, -1, Reason.PAUSED.value, 0)
    elif kind_code == CommandCode.CLOSE.value:
        for m in range(first, last):
            count = _close_next(books, m, open_ms, Reason.COMMAND.value, count)
    elif kind_code == CommandCode.STOP.value:
        books.account[0].paused = 1
        count = _lock(books, open_ms, Reason.KILL_SWITCH.value, count)
    elif kind_code == CommandCode.UNLOCK.value:
        for m in range(first, last):
            count = _unblock(books, m, open_ms, count)
        if market < 0:
            count = _unlock(books, open_ms, count)
    return count


@compiled
def _unblock(books: Books, m: int, open_ms: int, count: int) -> int:
    position = books.positions[m]
    until = max(position.long_blocked_until_ms, position.short_blocked_until_ms, position.cooldown_until_ms)
    position.long_blocked_until_ms = position.short_blocked_until_ms = position.cooldown_until_ms = 0
    return (
        emit(books.facts, count, FactKind.UNLOCK.value, open_ms, m, Reason.COMMAND.value, 0)
        if until > open_ms
        else count
    )


@compiled
def _unlock(books: Books, open_ms: int, count: int) -> int:
    state = books.account[0]
    if state.day_locked != 0:
        state.day_locked, state.day_equity = 0, state.equity
        count = emit(books.facts, count, FactKind.UNLOCK.value, open_ms, -1, Reason.DAILY_LOSS.value, 0)
    if state.drawdown_locked != 0:
        state.drawdown_locked, state.peak_equity = 0, state.equity
        count = emit(books.facts, count, FactKind.UNLOCK.value, open_ms, -1, Reason.DRAWDOWN.value, 0)
    return count
