"""Where a trade's stop lay and when it moved: the very levels at which the kernel closes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bot.views.level_moves import level_moves
from storage.ledger.trades import Trade
from strategies.kernel.state import DECISION
from strategies.market import MINUTE_MS
from tests.builders import START_MS, market

BTC = market("BTCUSDT")


def trade_of(side: str, closed_ms: int | None = None) -> Trade:
    given: dict[str, Any] = {
        "id": "BTCUSDT-1",
        "symbol": "BTCUSDT",
        "side": side,
        "quantity": 1.0,
        "opened_ms": START_MS,
        "closed_ms": closed_ms,
        "resizes": 0,
        "entry_price": 100.0,
        "first_price": 100.0,
        "exit_price": None,
        "net": 0.0,
        "fees": 0.0,
        "funding": 0.0,
        "return_fraction": 0.0,
        "opened_because": "signal",
        "closed_because": None,
        "decision_ms": START_MS,
        "bundle_id": "b-1",
    }
    return Trade(**given)


def distances(stop: float, take: float, trail: float) -> np.void:
    record = np.zeros(1, DECISION)[0]
    record["stop_e8"], record["take_e8"], record["trail_e8"] = (round(part * 1e8) for part in (stop, take, trail))
    return record


def minutes(*highs_and_lows: tuple[float, float], first_ms: int = START_MS) -> np.ndarray:
    rows = [
        (first_ms + MINUTE_MS * number, low, high, low, high, 1.0) for number, (high, low) in enumerate(highs_and_lows)
    ]
    return np.array(rows)


def told(moves: Any) -> list[tuple[int, float | None, float | None, str]]:
    return [((move.ms - START_MS) // MINUTE_MS, move.stop, move.target, move.reason) for move in moves]


def test_without_a_trail_they_are_set_once() -> None:
    held = minutes((101, 99), (120, 100), (90, 80))
    found = level_moves(trade_of("LONG"), distances(0.05, 0.1, 0), BTC, held, MINUTE_MS)
    assert told(found) == [(0, 95.0, 110.0, "entry")]
    found = level_moves(trade_of("SHORT"), distances(0.05, 0, 0), BTC, held, MINUTE_MS)
    assert told(found) == [(0, 105.0, None, "entry")]


@pytest.mark.parametrize(("side", "sign"), [("LONG", 1), ("SHORT", -1)])
def test_a_trailing_stop_follows_the_best_price_from_the_next_minute_on_and_never_back(side: str, sign: int) -> None:
    extremes = [(102, 99), (110, 101), (105, 100), (112, 104)]
    if sign < 0:
        extremes = [(200 - low, 200 - high) for high, low in extremes]
    found = level_moves(trade_of(side), distances(0.05, 0, 0.02), BTC, minutes(*extremes), MINUTE_MS)
    best = [102, 110, 112] if sign > 0 else [98, 90, 88]
    expected = [(0, 100 * (1 - sign * 0.05), None, "entry")]
    expected += [
        (at, pytest.approx(price * (1 - sign * 0.02), abs=0.11), None, "trail")
        for at, price in zip((1, 2, 4), best, strict=True)
    ]
    assert told(found) == expected


def test_moves_within_one_candle_of_the_chart_are_one() -> None:
    rising = minutes(*((100.0 + number, 99.0) for number in range(1, 11)))
    found = level_moves(trade_of("LONG"), distances(0, 0, 0.02), BTC, rising, 5 * MINUTE_MS)
    assert [move.reason for move in found] == ["entry", "trail", "trail", "trail"]
    assert found[0].stop is None
    assert found[-1].stop == pytest.approx(110 * 0.98, abs=0.11)


def test_after_its_end_nothing_moves_and_what_is_not_known_is_not_told() -> None:
    held = minutes((110, 100), (120, 100), (130, 100))
    closed = trade_of("LONG", START_MS + 2 * MINUTE_MS)
    assert told(level_moves(closed, distances(0, 0, 0.5), BTC, held, MINUTE_MS))[-1][0] == 2
    assert level_moves(closed, None, BTC, held, MINUTE_MS) == []
    late = minutes((110, 100), first_ms=START_MS + 100 * MINUTE_MS)  # the days before are not read
    assert len(level_moves(replace(closed, closed_ms=None), distances(0, 0, 0.5), BTC, late, MINUTE_MS)) == 1
