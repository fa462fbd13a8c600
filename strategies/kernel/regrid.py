"""A market's rules change, or it ends, while the account holds it: positions move to the new units, or are settled.

Finer grids carry over: ticks and lots are multiplied, cash does not move. Where a number has no place on the new grid,
what is held is settled at its mark on the old grid and opened at the nearest mark on the new one: two FILLs without
fee or slippage, so equity is the same unit for unit. A delisting is a FILL at the exchange's last price, fee as usual.
Rare, so not compiled; the fills are the kernel's.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from strategies.kernel.books import Books
from strategies.kernel.fills import emit, miss, trade
from strategies.kernel.liquidation import liquidation_price
from strategies.kernel.state import FactKind, Reason
from strategies.market import MINUTE_MS, Market

_TICKS = ("stop", "take", "entry", "best")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One market of an account: the books that hold it, changed in place, and its index in them."""

    books: Books
    index: int

    @property
    def position(self) -> np.void:
        record: np.void = self.books.positions[self.index]
        return record

    @property
    def order(self) -> np.void:
        record: np.void = self.books.orders[self.index]
        return record


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """A market before or after a change: its specification and all MARKET records of the account."""

    market: Market
    records: np.ndarray


def change_rules(slot: Slot, old: Rules, new: Rules, open_ms: int, count: int) -> int:
    """Move a market to its new rules at the minute that opens at `open_ms`; return the new fact count."""
    position = slot.position
    tick_ratio = Fraction(old.market.tick) / Fraction(new.market.tick)
    lot_ratio = Fraction(old.market.lot * old.market.contract_size) / Fraction(
        new.market.lot * new.market.contract_size
    )
    held, mark, target = int(position["lots"]), int(position["mark"]), int(slot.order["target"])
    moved = held * lot_ratio, mark * tick_ratio
    if all(value.denominator == 1 for value in moved):
        _carry(slot, tick_ratio, lot_ratio, new)
        change = int(position["lots"]) - held
    else:
        count = _reopen(slot, old, new, (tick_ratio, lot_ratio), open_ms, count)
        change = 0
    slot.order["target"] = _toward_zero(target * lot_ratio)
    facts, row = slot.books.facts, count
    count = emit(facts, count, FactKind.CHANGED.value, open_ms, slot.index, Reason.RULES.value, 0)
    facts[row]["lots"], facts[row]["position"] = change, position["lots"]
    facts[row]["price"], facts[row]["trade"] = position["mark"], position["trade"] if held else 0
    return count


def delist(slot: Slot, rules: Rules, settled_at: int, open_ms: int, count: int) -> int:
    """Settle what is held at `settled_at` ticks, or at the mark when it is 0, and drop what was ordered."""
    position = slot.position
    position["mark"] = settled_at or position["mark"]
    count = miss(slot.books, slot.index, open_ms, Reason.DELISTED.value, count)
    slot.order["active"] = 0
    fee_e8 = int(rules.records["fee_e8"][slot.index])
    count = _close(slot, rules, open_ms, fee_e8, Reason.DELISTED, count)
    return int(emit(slot.books.facts, count, FactKind.DELISTED.value, open_ms, slot.index, Reason.DELISTED.value, 0))


def _carry(slot: Slot, tick_ratio: Fraction, lot_ratio: Fraction, new: Rules) -> None:
    """Multiply everything kept in ticks and lots; triggers that fall between two ticks are touched earlier."""
    position = slot.position
    side = 1 if position["lots"] > 0 else -1
    position["lots"] = int(int(position["lots"]) * lot_ratio)
    position["mark"] = int(int(position["mark"]) * tick_ratio)
    _move_prices(position, tick_ratio, side)
    _set_liquidation(slot, new)


def _move_prices(position: np.void, tick_ratio: Fraction, side: int) -> None:
    for name in _TICKS:
        moved = int(position[name]) * tick_ratio
        up = (side > 0) == (name == "stop")  # a stop is rounded to be touched earlier, a target later
        position[name] = -(-moved.numerator // moved.denominator) if up else moved.numerator // moved.denominator


def _reopen(slot: Slot, old: Rules, new: Rules, ratios: tuple[Fraction, Fraction], open_ms: int, count: int) -> int:
    position, (tick_ratio, lot_ratio) = slot.position, ratios
    mark, lots = max(1, round(int(position["mark"]) * tick_ratio)), _toward_zero(int(position["lots"]) * lot_ratio)
    kept = {name: int(position[name]) for name in ("stop", "take", "trail_e8", "decision_ms", "cooldown_until_ms")}
    side = 1 if position["lots"] > 0 else -1
    count = _close(slot, old, open_ms - MINUTE_MS, 0, Reason.REGRID, count)
    position["mark"], position["cooldown_until_ms"] = (mark if position["mark"] else 0), kept["cooldown_until_ms"]
    if lots == 0:
        return count
    count = _trade(slot, new, open_ms, lots, 0, Reason.REGRID, kept["decision_ms"], count)
    position["stop"], position["take"], position["trail_e8"] = kept["stop"], kept["take"], kept["trail_e8"]
    entry, best = int(position["entry"]), int(position["best"])
    _move_prices(position, tick_ratio, side)
    position["entry"], position["best"] = entry, best
    return count


def _close(slot: Slot, rules: Rules, ms: int, fee_e8: int, reason: Reason, count: int) -> int:
    lots = int(slot.position["lots"])
    if lots == 0:
        return count
    return _trade(slot, rules, ms, -lots, fee_e8, reason, int(slot.position["decision_ms"]), count)


def _trade(
    slot: Slot, rules: Rules, ms: int, lots: int, fee_e8: int, reason: Reason, decision_ms: int, count: int
) -> int:
    books, mark = slot.books._replace(markets=rules.records), int(slot.position["mark"])
    return int(trade(books, slot.index, ms, lots, mark, fee_e8, reason.value, decision_ms, count))


def _set_liquidation(slot: Slot, new: Rules) -> None:
    position, record = slot.position, new.records[slot.index]
    position["liquidation"] = 0
    if position["lots"]:
        position["liquidation"] = liquidation_price(
            int(position["lots"]),
            int(position["cost"]),
            int(record["unit_value"]),
            int(record["leverage"]),
            int(record["maintenance_e8"]),
        )


def _toward_zero(value: Fraction) -> int:
    return int(value)
