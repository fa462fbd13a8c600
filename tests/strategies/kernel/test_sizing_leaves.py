"""What limits an entry: room, minimums, agreement, and what the book will hold once its orders are filled."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.kernel.books import Books
from strategies.kernel.risk import (
    agreement_factor,
    daily_sigma,
    gross_notional,
    is_too_small,
    lots_that_fit,
    net_notional,
    open_positions,
    planned_lots,
)
from strategies.kernel.settings import TradingSettings
from tests.builders import market
from tests.strategies.kernel.desk import Desk

RECORD = TradingSettings().market_records([market()])[0]
UNIT = 10_000 * int(RECORD["unit_value"])  # notional of one lot at a price of 10,000 ticks


def books_of(*held: tuple[int, int | None]) -> Books:
    """Return the books of markets at 10,000 ticks: lots held, and the target of a pending order or None."""
    desk = Desk(markets=len(held))
    for index, (lots, target) in enumerate(held):
        desk.state.positions["lots"][index] = lots
        desk.state.orders["active"][index] = target is not None
        desk.state.orders["target"][index] = target or 0
    return desk.state.books(desk.markets, desk.rules, desk.facts)


@given(lots=st.integers(0, 10**6), room=st.floats(-1e6, 1e9).map(lambda lots: lots * UNIT))
def test_as_many_lots_as_the_room_holds_and_no_more(lots: int, room: float) -> None:
    fitting = lots_that_fit(lots, RECORD, 10_000, room)
    assert 0 <= fitting <= lots
    assert fitting * UNIT <= max(room, 0.0) * (1 + 1e-12)
    assert fitting == lots or (fitting + 1) * UNIT > max(room, 0.0) * (1 - 1e-12)


def test_an_order_under_either_minimum_is_too_small() -> None:
    record = RECORD.copy()
    record["min_lots"], record["min_notional"] = 5, 20 * UNIT
    assert [is_too_small(lots, record, 10_000) for lots in (4, 5, 19, 20)] == [True, True, True, False]
    record["min_notional"] = 0
    assert [is_too_small(lots, record, 10_000) for lots in (4, 5)] == [True, False]
    record["min_lots"] = 0
    assert [is_too_small(lots, record, 10_000) for lots in (0, 1)] == [True, False]


@pytest.mark.parametrize(
    ("agreement", "factor"), [(-2.0, 0.5), (-1.0, 0.5), (-0.5, 0.75), (0.0, 1.0), (0.5, 1.25), (1.0, 1.5), (9.0, 1.5)]
)
def test_agreement_scales_between_its_ends_and_not_beyond(agreement: float, factor: float) -> None:
    rules = TradingSettings.model_validate({"risk": {"agreement_low": 0.5, "agreement_high": 1.5}}).rules()
    assert agreement_factor(rules, agreement) == pytest.approx(factor)


@pytest.mark.parametrize(("timeframe", "candles"), [("1h", 24), ("4h", 6), ("1d", 1)])
def test_a_days_deviation_is_that_of_its_candles_together(timeframe: str, candles: int) -> None:
    rules = TradingSettings.model_validate({"decision": {"timeframe": timeframe}}).rules()
    assert daily_sigma(rules, 0.01) == pytest.approx(0.01 * math.sqrt(candles))


HELD = st.tuples(st.integers(-1000, 1000), st.one_of(st.none(), st.integers(-1000, 1000)))


@given(held=st.lists(HELD, min_size=1, max_size=6))
def test_the_book_counts_what_orders_will_make_of_it(held: list[tuple[int, int | None]]) -> None:
    books: Any = books_of(*held)
    planned = [lots if target is None else target for lots, target in held]
    assert [planned_lots(books, m) for m in range(len(held))] == planned
    assert gross_notional(books) == pytest.approx(sum(map(abs, planned)) * UNIT)
    assert net_notional(books) == pytest.approx(sum(planned) * UNIT)
    assert open_positions(books) == sum(lots != 0 for lots in planned)
