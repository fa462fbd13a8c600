"""Markets join, change and leave while an account holds positions: money moves only where a fact says so."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.engine import Engine
from strategies.errors import BadInput
from strategies.kernel.state import NO_RATE, FactKind, Reason, RefusalCode
from strategies.market import HOUR_MS, MINUTE_MS, MarketStatus, UnsupportedMarket
from strategies.minute import AccountMinute, Command
from tests.bot.trading.world import MARKETS, minutes, new_engine
from tests.builders import START_MS, candles, market

SECOND = 1
GRIDS = st.integers(1, 40)


@cache
def _held() -> tuple[Engine, int]:
    engine = new_engine()
    for minute in minutes(40 * 60):
        engine.step(minute)
        if engine.state.positions["lots"][SECOND] and minute.open_ms % HOUR_MS == 600_000:
            return engine, minute.open_ms + MINUTE_MS
    raise AssertionError("the world never holds the second market")


def held_engine() -> tuple[Engine, int]:
    """An engine of its own that holds a position in the second market, and its next minute."""
    engine, open_ms = _held()
    again = Engine(
        markets=engine.markets,
        settings=engine.settings,
        bundle=engine.bundle,
        state=engine.state.copy(),
        candles=engine.copy_candles(),
    )
    return again, open_ms


def quiet(engine, open_ms: int, *commands: Command) -> AccountMinute:
    """A minute without a candle, so that nothing but the commands can change anything."""
    count = max([len(engine.markets), *(command.market + 1 for command in commands)])
    return AccountMinute(
        open_ms=open_ms,
        bars=np.zeros((count, 5), np.int64),
        present=np.zeros(count, bool),
        funding_e8=np.full(count, NO_RATE, np.int64),
        commands=commands,
    )


def change(engine, **fields) -> Command:
    return Command(kind="change", market=SECOND, spec=replace(engine.markets[SECOND], **fields), by="exchange")


def value(engine) -> tuple[int, int]:
    account = engine.state.account[0]
    return int(account["cash"]), int(account["equity"])


@pytest.mark.parametrize(
    "fields",
    [
        {"tick": MARKETS[1].tick / 10},
        {"lot": MARKETS[1].lot / 2},
        {"tick": MARKETS[1].tick / 5, "lot": MARKETS[1].lot / 4},
    ],
)
def test_a_finer_grid_carries_the_position_over_to_the_unit(fields) -> None:
    engine, open_ms = held_engine()
    before, position = value(engine), engine.state.positions[SECOND].copy()
    old = engine.markets[SECOND]
    outcome = engine.step(quiet(engine, open_ms, change(engine, **fields)))
    new, now = engine.markets[SECOND], engine.state.positions[SECOND]
    assert value(engine) == before
    assert [FactKind(kind) for kind in outcome.facts["kind"]] == [FactKind.CHANGED]
    assert outcome.facts["lots"][0] == now["lots"] - position["lots"]
    assert now["lots"] * new.lot == int(position["lots"]) * old.lot
    for name in ("mark", "entry", "stop", "take"):
        assert int(now[name]) * new.tick == int(position[name]) * old.tick


@pytest.mark.parametrize("fields", [{"tick": MARKETS[1].tick * 11}, {"lot": MARKETS[1].lot * 1_000}])
def test_a_grid_without_a_place_for_the_position_settles_and_reopens_it_at_one_mark(fields) -> None:
    engine, open_ms = held_engine()
    cash, equity = value(engine)
    trades = int(engine.state.account["trades"][0])
    outcome = engine.step(quiet(engine, open_ms, change(engine, **fields)))
    fills = outcome.facts[outcome.facts["kind"] == FactKind.FILL]
    assert value(engine)[1] == equity
    assert set(fills["reason"]) == {Reason.REGRID}
    assert not fills["fee"].any()
    assert fills["ms"][0] == open_ms - MINUTE_MS  # on the old grid still
    assert int(engine.state.account["trades"][0]) == trades + 1
    assert value(engine)[0] == cash + int(outcome.facts["cash_flow"].sum())


@settings(max_examples=60, deadline=None)
@given(tick=GRIDS, lot=GRIDS, finer=st.booleans())
def test_equity_is_the_same_unit_for_unit_on_any_grid(tick: int, lot: int, finer: bool) -> None:
    engine, open_ms = held_engine()
    old = engine.markets[SECOND]
    try:
        spec = replace(
            old,
            tick=old.tick / tick if finer else old.tick * tick,
            lot=old.lot / lot if finer else old.lot * lot,
        )
    except UnsupportedMarket:
        return
    cash, equity = value(engine)
    outcome = engine.step(quiet(engine, open_ms, Command(kind="change", market=SECOND, spec=spec)))
    assert value(engine) == (cash + int(outcome.facts["cash_flow"].sum()), equity)


def test_a_delisted_market_is_settled_at_its_last_price_and_the_others_go_on() -> None:
    engine, open_ms = held_engine()
    lots, mark = (int(engine.state.positions[SECOND][name]) for name in ("lots", "mark"))
    cash, _ = value(engine)
    others = engine.state.positions[[0, 2]].tobytes()
    leave = Command(kind="leave", market=SECOND, spec=engine.markets[SECOND], why="delisted by the exchange")
    outcome = engine.step(quiet(engine, open_ms, leave))
    kinds = [FactKind(kind) for kind in outcome.facts["kind"]]
    assert kinds == [FactKind.FILL, FactKind.DELISTED, FactKind.LEFT]
    fill = outcome.facts[0]
    assert (int(fill["lots"]), int(fill["price"]), Reason(fill["reason"])) == (-lots, mark, Reason.DELISTED)
    assert value(engine)[0] == cash + int(fill["cash_flow"])
    assert engine.markets[SECOND].status is MarketStatus.GONE
    assert engine.state.positions[[0, 2]].tobytes() == others


def test_a_settlement_price_that_is_told_goes_before_the_last_one() -> None:
    engine, open_ms = held_engine()
    leave = Command(kind="leave", market=SECOND, spec=engine.markets[SECOND], why="delisted", settled_at=4_321)
    assert engine.step(quiet(engine, open_ms, leave)).facts[0]["price"] == 4_321


def test_a_market_that_is_dropped_while_held_takes_no_entries_and_stays_until_it_is_flat() -> None:
    engine, open_ms = held_engine()
    leave = Command(kind="leave", market=SECOND, spec=engine.markets[SECOND], why="fell out of the top 20")
    assert len(engine.step(quiet(engine, open_ms, leave)).facts) == 0
    assert engine.markets[SECOND].status is MarketStatus.LEAVING
    close = Command(kind="close", market=SECOND)
    engine.step(quiet(engine, open_ms + MINUTE_MS, close))
    bars = minutes(60 * 40)[(open_ms + 2 * MINUTE_MS - START_MS) // MINUTE_MS]
    engine.step(bars)
    assert engine.state.positions["lots"][SECOND] == 0
    outcome = engine.step(quiet(engine, open_ms + 3 * MINUTE_MS, leave))
    assert [FactKind(kind) for kind in outcome.facts["kind"]] == [FactKind.LEFT]


@pytest.mark.parametrize(
    ("status", "refusal"),
    [(MarketStatus.HALTED, RefusalCode.HALTED), (MarketStatus.LEAVING, RefusalCode.LEAVING)],
)
def test_a_market_that_does_not_trade_is_refused_by_name(status: MarketStatus, refusal: RefusalCode) -> None:
    engine = new_engine()
    decisions, begun = [], False
    for minute in minutes(30 * 60):
        commands = () if begun else (change(engine, status=status),)
        begun = True
        decided = engine.step(replace(minute, commands=commands)).decisions
        if decided is not None:
            decisions.append(decided[SECOND])
    flat = [RefusalCode(int(row["refusal"])) for row in decisions]
    assert set(flat) == {refusal}


def test_a_market_joins_with_its_candles_and_trades_beside_the_others() -> None:
    everything = (*MARKETS, market("XRPUSDT"))
    world = minutes(48 * 60, markets=everything)
    engine = new_engine()
    for minute in world[: 6 * 60]:
        engine.step(replace(minute, bars=minute.bars[:3], present=minute.present[:3], funding_e8=minute.funding_e8[:3]))
    open_ms = world[6 * 60].open_ms
    given_candles = candles(3_000, seed=77, start_ms=open_ms - 3_000 * HOUR_MS)
    join = Command(kind="join", market=3, spec=everything[3], given=given_candles, why="in the list")
    outcomes = [engine.step(replace(world[6 * 60], commands=(join,)))]
    outcomes += [engine.step(minute) for minute in world[6 * 60 + 1 :]]
    assert FactKind.JOINED in outcomes[0].facts["kind"]
    assert len(engine.markets) == 4
    assert any((outcome.facts["market"] == 3).any() for outcome in outcomes[1:])
    decided = [outcome.decisions for outcome in outcomes if outcome.decisions is not None]
    assert all(len(rows) == 4 for rows in decided)
    assert np.isfinite(decided[0]["conviction"][3])


def test_equity_is_shared_among_the_members_only() -> None:
    engine = new_engine()
    gone = Command(kind="leave", market=SECOND, spec=engine.markets[SECOND], why="not wanted")
    engine.step(replace(minutes(1)[0], commands=(gone,), present=np.array([True, False, True])))
    assert engine.membership.rules["members"][0] == 2


def test_a_command_that_does_not_fit_is_refused() -> None:
    engine, open_ms = held_engine()
    for command in (
        Command(kind="join", market=SECOND, spec=engine.markets[SECOND]),
        Command(kind="change", market=SECOND, spec=engine.markets[0]),
        Command(kind="leave", market=9, spec=engine.markets[0]),
    ):
        with pytest.raises(BadInput):
            engine.step(quiet(engine, open_ms, command))
