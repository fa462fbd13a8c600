"""Runs whose markets come, end and leave: nobody trades before it is warm, cash is exact, one bad market is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from storage.candles.market_book import record_markets
from storage.candles.store import CandleStore
from strategies.kernel.state import FactKind, Reason
from strategies.market import HOUR_MS, OPEN_MS, Timeframe
from strategies.universe.members import Members
from strategies.universe.selection import Selection
from tests.training.run_builders import (
    HISTORY_HOURS,
    MARKETS,
    START_MS,
    histories,
    hourly,
    minutes,
    momentum_bundle,
    settings,
)
from training.backtest.roster import Roster, warm_up_bars
from training.backtest.run import BacktestResult, backtest, begin_account, run_path
from training.backtest.run_candles import RunCandles, read_run

HOURS = 400
END_MS = START_MS + HOURS * HOUR_MS
WARM_H = warm_up_bars(Timeframe.H1)
EAGER = settings(enter=0.2, leave=0.05, block_after_exit_h=0)


def stored(tmp_path: Path, second: slice = slice(None)) -> CandleStore:
    """Return hours of both markets; of the second only a part."""
    store = CandleStore(tmp_path)
    record_markets(tmp_path, MARKETS)
    before = histories()
    for index, (market, old, fine) in enumerate(zip(MARKETS, before, minutes(before, HOURS), strict=True)):
        candles = np.concatenate([old, hourly(fine)])
        store.append(market.exchange, market.symbol, "1h", "futures", candles[second] if index else candles)
    return store


def read(store: CandleStore, universe: Members | None = None) -> RunCandles:
    return read_run(store, MARKETS, Timeframe.H1, START_MS, END_MS, universe=universe)


def run(candles: RunCandles) -> BacktestResult:
    return backtest(momentum_bundle(), candles, EAGER)


def members(*sets: tuple[int, tuple[str, ...]]) -> Members:
    selections = tuple(Selection(members=names, leaving=(), verdicts=()) for _, names in sets)
    return Members(times_ms=np.array([START_MS + hour * HOUR_MS for hour, _ in sets]), selections=selections)


def require_exact(result: BacktestResult) -> None:
    """Check that cash plus positions at their marks is the equity, and the sum of all that flowed."""
    facts, state = result.run.facts, result.run.state
    held = state.positions["lots"] * state.positions["mark"] * [market.unit_value for market in MARKETS]
    assert int(state.account["cash"][0]) == result.initial_units + int(facts["cash_flow"].sum())
    assert int(state.account["equity"][0]) == int(state.account["cash"][0]) + int(held.sum())


def fills(result: BacktestResult, market: int) -> np.ndarray:
    facts = result.run.facts
    chosen: np.ndarray = facts[(facts["kind"] == FactKind.FILL) & (facts["market"] == market)]
    return chosen


def test_markets_that_are_always_there_have_no_roster(tmp_path: Path) -> None:
    candles = read(stored(tmp_path))
    assert candles.roster is None
    assert candles.notes == ()


def test_a_market_enters_when_its_warm_up_is_full_and_the_other_has_all_until_then(tmp_path: Path) -> None:
    late = HISTORY_HOURS - WARM_H + 100
    candles = read(stored(tmp_path, slice(late, None)))
    enters_ms = START_MS + 100 * HOUR_MS
    assert candles.roster is not None
    assert candles.roster.at(START_MS) == {"BTCUSDT"}
    assert candles.roster.at(enters_ms) == {"BTCUSDT", "ETHUSDT"}
    [said] = candles.notes
    assert "ETHUSDT has candles from" in said
    assert f"warm-up of {WARM_H:,} bars of 1h (70 days)" in said
    result = run(candles)
    require_exact(result)
    assert fills(result, 1)["ms"].min() > enters_ms
    alone = run(replace(candles, roster=replace(candles.roster, members=(frozenset({"BTCUSDT"}),) * 2)))
    first = fills(alone, 0)[:1]
    assert fills(result, 0)[0] == first[0]  # while it was alone, 1/N was 1
    joined = result.run.facts[result.run.facts["kind"] == FactKind.JOINED]
    assert joined["ms"].tolist() == [enters_ms]


def test_a_market_that_ends_is_settled_at_its_last_price(tmp_path: Path) -> None:
    store = stored(tmp_path, slice(None, HISTORY_HOURS + 200))
    candles = read(store)
    result = run(candles)
    require_exact(result)
    ends_ms = START_MS + 200 * HOUR_MS
    assert "ETHUSDT ends" in candles.notes[0]
    assert (fills(result, 1)["ms"] <= ends_ms).all()
    assert result.run.state.positions["lots"][1] == 0
    last = fills(result, 1)[-1]
    if last["reason"] == Reason.DELISTED:
        price = MARKETS[1].ticks(store.read("binanceusdm", "ETHUSDT", "1h").candles[-1, 4])
        assert last["price"] == int(price)
    assert (fills(result, 0)["ms"] > ends_ms).any()


def test_who_is_selected_no_more_is_held_to_its_exit_and_never_entered(tmp_path: Path) -> None:
    candles = read(stored(tmp_path), members((0, ("BTCUSDT", "ETHUSDT")), (150, ("BTCUSDT",))))
    result = run(candles)
    require_exact(result)
    left_ms = START_MS + 150 * HOUR_MS
    traded = fills(result, 1)
    assert (traded["ms"] < left_ms).any()
    after = traded[traded["ms"] > left_ms]
    assert len(after) <= 1
    assert (after["position"] == 0).all()
    left = result.run.facts[result.run.facts["kind"] == FactKind.LEFT]
    assert len(left) == 1
    assert left["ms"][0] >= (after["ms"][0] if len(after) else left_ms)


def test_windows_change_nothing_where_nobody_comes_or_goes(tmp_path: Path) -> None:
    """Borders in the roster cut the run; equity and facts stay the same to the unit."""
    candles = read(stored(tmp_path))
    whole = run(candles)
    everyone = tuple(market.symbol for market in MARKETS)
    cut = read(stored(tmp_path), members((0, everyone), (50, everyone), (51, everyone), (300, everyone)))
    assert cut.roster is None
    roster = replace(
        candles,
        roster=Roster(
            times_ms=(START_MS, START_MS + 77 * HOUR_MS, START_MS + 78 * HOUR_MS),
            members=(frozenset(everyone),) * 3,
            ends_ms={},
        ),
    )
    again = run(roster)
    assert np.array_equal(again.run.equity, whole.run.equity)
    assert again.run.facts.tobytes() == whole.run.facts.tobytes()
    assert again.run.decisions.tobytes() == whole.run.decisions.tobytes()


def test_minutes_alone_serve_a_run_of_hours(tmp_path: Path) -> None:
    """Only minutes are stored of one market: its hours are made of them, and the run is the same."""
    store, whole = CandleStore(tmp_path / "minutes"), stored(tmp_path / "hours")
    record_markets(store.root, MARKETS)
    rng_minutes = minutes(histories(), HOURS)
    for market, old, fine in zip(MARKETS, histories(), rng_minutes, strict=True):
        store.append(market.exchange, market.symbol, "1h", "futures", old)
        store.append(market.exchange, market.symbol, "1m", "futures", fine)
        whole.append(market.exchange, market.symbol, "1m", "futures", fine)
    found, expected = read(store), read(whole)
    assert found.bar is expected.bar is Timeframe.M1
    assert np.array_equal(found.bars, expected.bars)
    for one, other in zip(found.decision_candles, expected.decision_candles, strict=True):
        assert np.array_equal(one[one[:, OPEN_MS] >= START_MS], other[other[:, OPEN_MS] >= START_MS])


@pytest.mark.parametrize(("both", "cause"), [(False, "missing in this market's data only"), (True, "exchange paused")])
def test_missing_candles_are_named_with_their_cause(tmp_path: Path, both: bool, cause: str) -> None:
    store = CandleStore(tmp_path)
    record_markets(tmp_path, MARKETS)
    before = histories()
    for index, (market, old, fine) in enumerate(zip(MARKETS, before, minutes(before, HOURS), strict=True)):
        candles = np.concatenate([old, hourly(fine)])
        gap = slice(HISTORY_HOURS + 100, HISTORY_HOURS + 130)
        holed = np.delete(candles, gap, axis=0) if index or both else candles
        store.append(market.exchange, market.symbol, "1h", "futures", holed)
    notes = read(store).notes
    assert len(notes) == 1 + both
    assert "ETHUSDT misses 30 of 400 1h candles (7.5%) in 1 gap, the longest 2025-05-09 04:00" in notes[-1]
    assert cause in notes[-1]


def test_a_roster_that_never_changes_trades_as_no_roster_does_at_the_bundle_s_hold(tmp_path: Path) -> None:
    candles = replace(read(stored(tmp_path)), roster=None)
    everybody = frozenset(market.symbol for market in candles.markets)
    always = Roster(times_ms=(START_MS - HOUR_MS,), members=(everybody,), ends_ms={})
    risk = EAGER.risk.model_copy(update={"sizing": "kelly", "kelly_cap": 1.0})
    decision = EAGER.decision.model_copy(update={"cost_margin": 0.0})
    kelly = EAGER.model_copy(update={"risk": risk, "decision": decision})
    path = run(candles).path
    path = replace(path, hold_bars=50, expected_return=1e-3 * np.sign(path.conviction))
    plain, there = (
        run_path(path, part, kelly, begin_account(part, kelly)) for part in (candles, replace(candles, roster=always))
    )
    assert len(plain.facts) > 0
    np.testing.assert_array_equal(plain.facts, there.facts)
    np.testing.assert_array_equal(plain.equity, there.equity)
