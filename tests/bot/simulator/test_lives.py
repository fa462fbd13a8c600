"""Markets of the built-in exchange whose rules change over its time."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from bot.simulator.market.chart import Chart
from bot.simulator.market.generated import DEMO_START_MS, GeneratedMarket
from bot.simulator.market.lives import Life, LivingMarket, demo_lives
from bot.simulator.market.source import aggregate
from bot.simulator.protocol.frames import exchange_info
from strategies.market import DAY_MS, HOUR_MS, OPEN_MS

NOON = DEMO_START_MS + 12 * HOUR_MS
SYMBOLS = ("BTCUSDT", "XRPUSDT", "LINKUSDT", "LTCUSDT", "DOGEUSDT")


def living(**lives: Life) -> LivingMarket:
    return LivingMarket(GeneratedMarket(symbols=SYMBOLS, hourly_funding=True), lives)


def on_grid(values: np.ndarray, step: str) -> bool:
    counts = values / float(step)
    return bool(np.allclose(counts, np.rint(counts), atol=1e-6))


def listed(source: LivingMarket, ms: int) -> dict[str, dict]:
    return {part["symbol"]: part for part in exchange_info(Chart(source).instruments(ms), ms)["symbols"]}


def test_a_tick_is_coarse_until_it_is_refined() -> None:
    source = living(XRPUSDT=Life(ticks=((0, Decimal("0.001")), (NOON, Decimal("0.0001")))))
    before = source.minutes("XRPUSDT", NOON - HOUR_MS, NOON)
    after = source.minutes("XRPUSDT", NOON, NOON + HOUR_MS)
    assert on_grid(before[:, 1:5], "0.001")
    assert not on_grid(after[:, 1:5], "0.001")
    assert listed(source, NOON - 1)["XRPUSDT"]["filters"][0]["tickSize"] == "0.001"
    assert listed(source, NOON)["XRPUSDT"]["filters"][0]["tickSize"] == "0.0001"
    hours = source.hours("XRPUSDT", NOON - HOUR_MS, NOON)
    assert (aggregate(before, HOUR_MS, 1)[:, :5] == hours[:, :5]).all()


def test_a_halted_market_prints_nothing_and_says_so() -> None:
    source = living(LTCUSDT=Life(halts=((NOON, NOON + 6 * HOUR_MS),)))
    opens = source.minutes("LTCUSDT", NOON - HOUR_MS, NOON + 7 * HOUR_MS)[:, OPEN_MS]
    assert len(opens) == 120
    assert not ((opens >= NOON) & (opens < NOON + 6 * HOUR_MS)).any()
    assert listed(source, NOON)["LTCUSDT"]["status"] == "BREAK"
    assert listed(source, NOON + 6 * HOUR_MS)["LTCUSDT"]["status"] == "TRADING"


def test_an_end_is_announced_then_settled_then_unlisted() -> None:
    source = living(DOGEUSDT=Life(ends_ms=NOON))
    assert len(source.minutes("DOGEUSDT", NOON - HOUR_MS, NOON + HOUR_MS)) == 60
    assert listed(source, NOON - 4 * DAY_MS)["DOGEUSDT"]["deliveryDate"] > 4e12
    assert listed(source, NOON - DAY_MS)["DOGEUSDT"]["deliveryDate"] == NOON
    assert listed(source, NOON)["DOGEUSDT"]["status"] == "SETTLING"
    assert "DOGEUSDT" not in listed(source, NOON + 2 * DAY_MS)


def test_funding_settles_at_the_interval_of_its_time() -> None:
    source = living(LINKUSDT=Life(funding=((0, 8 * HOUR_MS), (NOON, 4 * HOUR_MS), (NOON + 12 * HOUR_MS, HOUR_MS))))
    times, _ = source.funding("LINKUSDT", DEMO_START_MS, DEMO_START_MS + 27 * HOUR_MS)
    hours = ((times - DEMO_START_MS) // HOUR_MS).tolist()
    assert hours == [0, 8, 12, 16, 20, 24, 25, 26]


def test_the_demo_shows_every_kind_of_change_within_its_first_month() -> None:
    lives = demo_lives(DEMO_START_MS).values()
    month_ms = DEMO_START_MS + 28 * DAY_MS
    ends = [life.ends_ms for life in lives if life.ends_ms]
    steps = [from_ms for life in lives for from_ms, _ in (*life.ticks, *life.lots, *life.funding) if from_ms]
    halts = [end_ms for life in lives for _, end_ms in life.halts]
    assert ends
    assert len(steps) >= 4
    assert halts
    assert max(*ends, *steps, *halts) < month_ms
