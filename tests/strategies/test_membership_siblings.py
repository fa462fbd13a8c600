"""What markets do that nobody plans for: contract sizes, minimums, leverage, an end inside a halt, a return."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np

from strategies.kernel.state import FactKind, Reason, RefusalCode
from strategies.market import HOUR_MS, MINUTE_MS, UNITS_PER_QUOTE, MarketStatus
from strategies.minute import Command
from tests.bot.trading.world import MARKETS, minutes, new_engine
from tests.builders import START_MS, candles, market
from tests.strategies.test_membership import SECOND, change, held_engine, quiet, value


def test_a_smaller_contract_multiplies_the_lots_and_moves_no_cash() -> None:
    engine, open_ms = held_engine()
    before, lots = value(engine), int(engine.state.positions[SECOND]["lots"])
    outcome = engine.step(quiet(engine, open_ms, change(engine, contract_size=Decimal("0.1"))))
    assert value(engine) == before
    assert int(engine.state.positions[SECOND]["lots"]) == 10 * lots
    assert [FactKind(kind) for kind in outcome.facts["kind"]] == [FactKind.CHANGED]


def test_a_minimum_above_what_is_held_stops_no_exit() -> None:
    engine, open_ms = held_engine()
    huge = change(engine, min_notional_units=10**9 * UNITS_PER_QUOTE, min_lots=10**9)
    engine.step(quiet(engine, open_ms, huge, Command(kind="close", market=SECOND)))
    bars = minutes(60 * 40)[(open_ms + MINUTE_MS - START_MS) // MINUTE_MS]
    engine.step(bars)
    assert engine.state.positions["lots"][SECOND] == 0


def test_a_cut_of_the_leverage_moves_the_liquidation_away_and_no_cash() -> None:
    engine, open_ms = held_engine()
    before, position = value(engine), engine.state.positions[SECOND].copy()
    engine.step(quiet(engine, open_ms, change(engine, max_leverage=1)))
    now = engine.state.positions[SECOND]
    side = 1 if position["lots"] > 0 else -1
    assert value(engine) == before
    assert side * int(now["liquidation"]) <= side * int(position["liquidation"])


def test_a_market_that_ends_inside_its_halt_is_settled_at_its_stale_mark() -> None:
    engine, open_ms = held_engine()
    mark = int(engine.state.positions[SECOND]["mark"])
    engine.step(quiet(engine, open_ms, change(engine, status=MarketStatus.HALTED)))
    end = Command(kind="leave", market=SECOND, spec=engine.markets[SECOND], why="delisted: no longer listed")
    outcome = engine.step(quiet(engine, open_ms + MINUTE_MS, end))
    fill = outcome.facts[0]
    assert (int(fill["price"]), Reason(fill["reason"])) == (mark, Reason.DELISTED)
    assert engine.markets[SECOND].status is MarketStatus.GONE


def test_a_market_that_returns_under_its_name_on_another_grid_has_its_index_and_none_of_its_memory() -> None:
    engine, open_ms = held_engine()
    end = Command(kind="leave", market=SECOND, spec=engine.markets[SECOND], why="delisted: no longer listed")
    engine.step(quiet(engine, open_ms, end))
    again = replace(MARKETS[SECOND], tick=Decimal("0.0001"), lot=Decimal("0.01"))
    join_ms = open_ms + MINUTE_MS
    past = candles(3_000, seed=5, start_ms=join_ms // HOUR_MS * HOUR_MS - 3_000 * HOUR_MS)
    outcome = engine.step(
        quiet(engine, join_ms, Command(kind="join", market=SECOND, spec=again, given=past, why="listed again"))
    )
    assert [FactKind(kind) for kind in outcome.facts["kind"]] == [FactKind.JOINED]
    assert engine.markets[SECOND] == again
    position = engine.state.positions[SECOND]
    assert (int(position["lots"]), int(position["stop"]), int(position["take"])) == (0, 0, 0)
    assert int(position["mark"]) == int(again.ticks(engine.histories[SECOND].candles[-1, 4]))


def test_a_market_without_a_past_joins_and_is_not_ready_until_it_has_one() -> None:
    everything = (*MARKETS, market("NEWUSDT"))
    world = minutes(6 * 60, markets=everything)
    engine = new_engine()
    join = Command(kind="join", market=3, spec=everything[3], given=np.empty((0, 6)), why="just listed")
    refusals = []
    for minute in world:
        commands = (join,) if minute.open_ms == START_MS else ()
        decided = engine.step(replace(minute, commands=commands)).decisions
        if decided is not None:
            refusals.append(RefusalCode(int(decided[3]["refusal"])))
    assert len(refusals) == 6
    assert set(refusals) <= {RefusalCode.NOT_READY, RefusalCode.NO_SCORE}
    assert engine.state.positions["lots"][3] == 0


def test_two_leaves_of_one_market_in_one_minute_close_nothing_twice() -> None:
    engine, open_ms = held_engine()
    end = Command(kind="leave", market=SECOND, spec=engine.markets[SECOND], why="delisted: no longer listed")
    cash, _ = value(engine)
    outcome = engine.step(quiet(engine, open_ms, end, end))
    fills = outcome.facts[outcome.facts["kind"] == FactKind.FILL]
    assert len(fills) == 1
    assert value(engine)[0] == cash + int(outcome.facts["cash_flow"].sum())


def test_a_fee_that_changes_inside_a_position_moves_no_cash_and_is_paid_at_its_exit() -> None:
    paid = []
    for fee_e8 in (50_000, 200_000):
        engine, open_ms = held_engine()
        before = value(engine)
        engine.step(quiet(engine, open_ms, change(engine, fee_e8=fee_e8)))
        assert value(engine) == before
        end = Command(kind="leave", market=SECOND, spec=engine.markets[SECOND], why="delisted: no longer listed")
        fill = engine.step(quiet(engine, open_ms + MINUTE_MS, end)).facts[0]
        paid.append(int(fill["fee"]))
    assert paid[0] > 0
    assert abs(paid[1] - 4 * paid[0]) <= 4


def test_two_changes_in_one_minute_are_done_one_after_the_other() -> None:
    engine, open_ms = held_engine()
    before, lots, mark = value(engine), *(int(engine.state.positions[SECOND][name]) for name in ("lots", "mark"))
    finer = change(engine, tick=MARKETS[SECOND].tick / 10)
    smaller = replace(finer, spec=replace(finer.spec, lot=MARKETS[SECOND].lot / 2, funding_interval_ms=HOUR_MS))
    outcome = engine.step(quiet(engine, open_ms, finer, smaller))
    position = engine.state.positions[SECOND]
    assert value(engine) == before
    assert (int(position["lots"]), int(position["mark"])) == (2 * lots, 10 * mark)
    assert [FactKind(kind) for kind in outcome.facts["kind"]] == [FactKind.CHANGED, FactKind.CHANGED]
    assert engine.markets[SECOND] == smaller.spec
