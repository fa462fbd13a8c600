"""Decisions: convictions to orders, one compiled function for all markets at a decision close.

First every market says what it wants (exits are placed at once, entries become candidates), then the candidates are
served by |conviction|, ties by market index, from the same marked equity, while limits leave room. Whoever is flat and
not entered gets a refusal. A decision replaces a pending order, except the closing order of a protection or a person.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from strategies.kernel.books import Books, Scores
from strategies.kernel.compiled import Record, compiled
from strategies.kernel.entries import entry_refusal
from strategies.kernel.fills import emit
from strategies.kernel.no_trade_band import exposure_band, exposure_goal
from strategies.kernel.others import hear_others
from strategies.kernel.protections import is_forced_exit, place_order
from strategies.kernel.risk import (
    daily_sigma,
    gross_notional,
    is_too_small,
    lots_that_fit,
    net_notional,
    open_positions,
    planned_lots,
    size,
)
from strategies.kernel.state import Action, FactKind, Reason, RefusalCode
from strategies.market import RATE_ONE

_CANDIDATE: Final = -1  # in `refusal` between the two passes: wants `target` lots
_MAX_DISTANCE_E8: Final = 10.0 * RATE_ONE  # a bracket ten times the price away is none


@compiled
def decide(books: Books, scores: Scores, late: bool, decision_ms: int, decisions: np.ndarray, count: int) -> int:
    """Decide for every market at the close `decision_ms`: fill `decisions`, place orders, return the new fact count.

    Args:
        books, count: as in `execution`.
        scores: (M,) each.
        late: no entries at all; those wanted are recorded as MISSED.
        decisions: (M,) DECISION, overwritten but for `voters` and `votes`.
    """
    for m in range(len(books.positions)):
        _describe(books, scores, m, decision_ms, decisions)
    hear_others(books, scores.strength, decisions)
    for m in range(len(books.positions)):
        _set_distances(books, m, decisions)
        if books.rules[0].exposure_mode == 1:
            wanted, refusal = _exposure(books, m, decisions, scores.not_ready[m], late)
        else:
            wanted, refusal = _discrete(books, m, decisions, scores.not_ready[m], late)
        if refusal == RefusalCode.LATE.value:
            count = emit(books.facts, count, FactKind.MISSED.value, decision_ms, m, Reason.LATE.value, decision_ms)
        _plan(books, m, wanted, refusal, decisions)
    while True:
        m = _strongest(decisions)
        if m < 0:
            return count
        _serve(books, m, decisions)


@compiled
def _describe(books: Books, scores: Scores, m: int, decision_ms: int, decisions: np.ndarray) -> None:
    row = decisions[m]
    row.ms, row.market = decision_ms, m
    row.conviction, row.expected_return = scores.conviction[m], scores.expected_return[m]
    row.sigma, row.volatility, row.agreement = scores.sigma[m], scores.volatility[m], scores.agreement[m]
    row.cost = 2.0 * (books.markets[m].fee_e8 + books.markets[m].slippage_e8) / RATE_ONE
    row.price, row.target = books.positions[m].mark, planned_lots(books, m)
    row.action, row.refusal, row.due_ms = Action.HOLD.value, RefusalCode.NONE.value, 0


@compiled
def _set_distances(books: Books, m: int, decisions: np.ndarray) -> None:
    row, day = decisions[m], daily_sigma(books.rules, decisions[m].sigma)
    row.stop_e8 = row.take_e8 = row.trail_e8 = 0
    if day > 0.0:
        row.stop_e8 = int(min(books.rules[0].stop_sigmas * day * RATE_ONE, _MAX_DISTANCE_E8))
        row.take_e8 = int(min(books.rules[0].take_sigmas * day * RATE_ONE, _MAX_DISTANCE_E8))
        row.trail_e8 = int(min(books.rules[0].trail_sigmas * day * RATE_ONE, _MAX_DISTANCE_E8))


@compiled
def _discrete(books: Books, m: int, decisions: np.ndarray, not_ready: bool, late: bool) -> tuple[int, int]:
    """Return (lots wanted, refusal): hold while side x conviction >= leave, enter or reverse at `enter`, else be
    flat.
    """
    row = decisions[m]
    planned, conviction = row.target, row.conviction
    side = (planned > 0) - (planned < 0)
    if side != 0 and not side * conviction < books.rules[0].leave:  # also NaN
        return planned, RefusalCode.NONE.value
    if side != 0 and -side * conviction < books.rules[0].enter:
        return 0, RefusalCode.NONE.value
    refusal = entry_refusal(books, m, row, books.rules[0].enter, not_ready, late)
    if refusal != RefusalCode.NONE.value:
        return 0, refusal
    lots = _full_size(books, m, row)
    return (lots if conviction > 0.0 else -lots), RefusalCode.NONE.value


@compiled
def _exposure(books: Books, m: int, decisions: np.ndarray, not_ready: bool, late: bool) -> tuple[int, int]:
    """Return (lots wanted, refusal): the full size x conviction / enter within -1..1; nothing moves inside the
    no-trade band.
    """
    row = decisions[m]
    planned = row.target
    if not_ready or math.isnan(row.conviction) or not row.sigma > 0.0 or not row.volatility > 0.0:
        return planned, _idle(planned, RefusalCode.NOT_READY.value)
    full, band = _full_size(books, m, row), exposure_band(books.rules[0], row)
    wanted = planned
    if full > 0 or books.account[0].equity <= 0:
        wanted = exposure_goal(books.rules[0], row.conviction, band, full, planned)
    if wanted == planned:
        is_weak = abs(row.conviction) <= band * books.rules[0].enter
        return planned, _idle(planned, RefusalCode.WEAK.value if is_weak else RefusalCode.TOO_SMALL.value)
    flips = (wanted > 0 and planned < 0) or (wanted < 0 and planned > 0)
    if not flips and abs(wanted) <= abs(planned):
        return wanted, RefusalCode.NONE.value
    refusal = entry_refusal(books, m, row, 0.0, not_ready, late)
    if refusal == RefusalCode.NONE.value:
        return wanted, refusal
    return (0 if flips else planned), refusal


@compiled
def _idle(planned: int, refusal: int) -> int:
    return refusal if planned == 0 else RefusalCode.NONE.value


@compiled
def _full_size(books: Books, m: int, row: Record) -> int:
    return size(
        books.account[0].equity,
        books.rules[0].members if books.rules[0].members > 0 else len(books.positions),
        books.rules,
        books.markets[m],
        row.price,
        row.conviction,
        row.sigma,
        row.volatility,
        row.agreement,
        row.expected_return,
    )


@compiled
def _plan(books: Books, m: int, wanted: int, refusal: int, decisions: np.ndarray) -> None:
    """Place what shrinks or closes at once; mark what opens, grows or reverses as a candidate."""
    row, planned = decisions[m], decisions[m].target
    row.refusal = refusal
    reverses = planned != 0 and (planned > 0) != (row.conviction > 0.0) and abs(row.conviction) >= books.rules[0].enter
    grows = abs(wanted) > abs(planned) or (wanted > 0 and planned < 0) or (wanted < 0 and planned > 0)
    if planned != 0 and wanted != planned and (wanted == 0 or (wanted > 0) != (planned > 0)):
        _order(books, m, 0, Reason.REVERSED.value if reverses else Reason.FADED.value, decisions)
        row.action = Action.CLOSE.value
    elif wanted != planned and not grows:
        _order(books, m, wanted, Reason.REBALANCE.value, decisions)
        row.action = Action.RESIZE.value
    if grows:
        row.target, row.refusal = wanted, _CANDIDATE
    elif planned == 0 and refusal == RefusalCode.NONE.value and row.action == Action.HOLD.value:
        row.refusal = RefusalCode.TOO_SMALL.value  # it may enter, and its size is not one lot


@compiled
def _order(books: Books, m: int, target: int, reason: int, decisions: np.ndarray) -> None:
    row = decisions[m]
    row.target, row.due_ms = target, row.ms + books.rules[0].entry_delay_ms
    if not is_forced_exit(books.orders, m):
        place_order(books.orders, m, target, row.due_ms, row.ms, reason, row.stop_e8, row.take_e8, row.trail_e8)


@compiled
def _strongest(decisions: np.ndarray) -> int:
    """Return the candidate with the largest |conviction|, the first of equals; -1 if none is left."""
    best, strength = -1, -1.0
    for m in range(len(decisions)):
        if decisions[m].refusal == _CANDIDATE and abs(decisions[m].conviction) > strength:
            best, strength = m, abs(decisions[m].conviction)
    return best


@compiled
def _serve(books: Books, m: int, decisions: np.ndarray) -> None:
    """Place the candidate's order as large as the account's limits allow, or refuse it."""
    row, market = decisions[m], books.markets[m]
    wanted, planned = row.target, planned_lots(books, m)
    row.target, row.refusal = planned, RefusalCode.NONE.value
    limit = books.rules[0].max_open_positions
    if planned == 0 and limit > 0 and open_positions(books) >= limit:
        row.refusal = RefusalCode.MAX_POSITIONS.value
        return
    if is_too_small(abs(wanted), market, row.price):
        row.refusal = RefusalCode.TOO_SMALL.value
        return
    own = abs(planned) * float(row.price) * market.unit_value
    room = books.rules[0].leverage_cap * books.account[0].equity - gross_notional(books) + own
    if books.rules[0].net_cap > 0.0:
        held_on_side = net_notional(books) - planned * float(row.price) * market.unit_value
        held_on_side = held_on_side if wanted > 0 else -held_on_side
        room = min(room, books.rules[0].net_cap * books.account[0].equity - held_on_side)
    lots = lots_that_fit(abs(wanted), market, row.price, room)
    if is_too_small(lots, market, row.price) or lots <= abs(planned):
        row.refusal = RefusalCode.LEVERAGE.value
        return
    held, side = books.positions[m].lots, (1 if wanted > 0 else -1)
    if planned != 0:
        row.action, reason = Action.RESIZE.value, Reason.REBALANCE.value
    else:
        row.action = Action.LONG.value if side > 0 else Action.SHORT.value
        reason = Reason.REVERSED.value if side * held < 0 else Reason.SIGNAL.value
    _order(books, m, side * lots, reason, decisions)
