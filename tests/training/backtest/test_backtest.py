"""The backtest against the live engine, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from storage.ledger.export import csv_bytes
from strategies.engine import begin
from strategies.errors import BadInput
from strategies.kernel.state import FACT, FactKind
from strategies.market import HOUR_MS, MINUTE_MS, UNITS_PER_QUOTE, Timeframe
from strategies.minute import AccountMinute
from tests.training.run_builders import MARKETS, START_MS, histories, hourly, minutes, momentum_bundle, settings
from training.backtest.baselines import CASH, HOLD, baselines
from training.backtest.rule_baselines import (
    DONCHIAN,
    MOMENTUM,
    MOMENTUM_DAYS,
    MONDAY,
    across_shares,
    momentum_shares,
    rule_baselines,
)
from training.backtest.run import BacktestResult, Stress, backtest, is_in_sample, require_unseen
from training.backtest.run_candles import RunCandles, assemble
from training.backtest.suspicion import unlearnt

HOURS = 120
RATES = (START_MS + 8 * HOUR_MS * np.arange(HOURS // 8), np.full(HOURS // 8, 10_000))


def run_candles(*, missing: tuple[int, ...] = (), hours: int = HOURS) -> RunCandles:
    """Return the run on minutes; `missing` minutes are absent in the first market."""
    before = histories()
    execution = minutes(before, HOURS)
    execution[0] = np.delete(execution[0], missing, axis=0)
    end_ms = START_MS + hours * HOUR_MS
    return assemble(MARKETS, Timeframe.H1, Timeframe.M1, START_MS, end_ms, execution, before, [RATES, RATES])


def live(candles: RunCandles) -> tuple[np.ndarray, int]:
    """Return the facts and the final cash of the engine that is fed the same minutes one by one."""
    before = [part[part[:, 0] < candles.start_ms] for part in candles.decision_candles]
    engine = begin(
        markets=MARKETS, settings=settings(), bundle=momentum_bundle(), candles=before, start_ms=candles.start_ms
    )
    facts = [np.zeros(0, FACT)]
    for row, open_ms in enumerate(candles.open_ms):
        minute = AccountMinute(
            open_ms=int(open_ms),
            bars=candles.bars[row],
            present=candles.present[row],
            funding_e8=candles.funding_e8[row],
        )
        facts.append(engine.step(minute).facts)
    return np.concatenate(facts), int(engine.state.account["cash"][0])


def final_cash(result: BacktestResult) -> int:
    return int(result.run.state.account["cash"][0])


@pytest.mark.parametrize("missing", [(), (59, 60, 61, 500, *range(1000, 1090), 2999)])
def test_backtest_trades_exactly_what_the_live_engine_trades(missing: tuple[int, ...]) -> None:
    candles = run_candles(missing=missing)
    result = backtest(momentum_bundle(), candles, settings())
    facts, cash = live(candles)
    assert (facts["kind"] == FactKind.FILL).sum() >= 10
    assert (facts["kind"] == FactKind.FUNDING).sum() >= 3
    assert csv_bytes(result.run.facts, MARKETS) == csv_bytes(facts, MARKETS)
    assert result.run.facts.tobytes() == facts.tobytes()
    assert final_cash(result) == cash


def test_a_run_cut_in_two_equals_the_run_in_one() -> None:
    # what the nightly parity check does: yesterday from the state before it
    whole = backtest(momentum_bundle(), run_candles(), settings())
    first = backtest(momentum_bundle(), run_candles(hours=50), settings())
    start_ms = START_MS + 50 * HOUR_MS
    before = [part[part[:, 0] < start_ms] for part in run_candles().decision_candles]
    execution = minutes(histories(), HOURS)
    rest = assemble(
        MARKETS, Timeframe.H1, Timeframe.M1, start_ms, START_MS + HOURS * HOUR_MS, execution, before, [RATES, RATES]
    )
    second = backtest(momentum_bundle(), rest, settings(), state=first.run.state)
    assert np.concatenate([first.run.facts, second.run.facts]).tobytes() == whole.run.facts.tobytes()
    assert second.run.state.to_bytes() == whole.run.state.to_bytes()


def test_two_runs_give_the_same_bytes() -> None:
    first, second = (backtest(momentum_bundle(), run_candles(), settings()) for _ in range(2))
    assert csv_bytes(first.run.facts, MARKETS) == csv_bytes(second.run.facts, MARKETS)
    assert first.run.decisions.tobytes() == second.run.decisions.tobytes()
    assert first.run.equity.tobytes() == second.run.equity.tobytes()


def test_nothing_is_closed_at_the_end() -> None:
    result = backtest(momentum_bundle(), run_candles(), settings(enter=0.01, leave=-9.0, stop_sigmas=0, take_sigmas=0))
    assert all(lots != 0 for lots in result.run.state.positions["lots"])
    assert not all(trade.is_closed for trade in result.trades)


def test_equity_is_cash_plus_positions_at_the_marks() -> None:
    state = backtest(momentum_bundle(), run_candles(), settings()).run.state
    held = sum(
        int(position["lots"]) * int(position["mark"]) * market.unit_value
        for position, market in zip(state.positions, MARKETS, strict=True)
    )
    assert int(state.account["equity"][0]) == int(state.account["cash"][0]) + held


def test_the_first_decision_is_the_close_of_the_first_hour() -> None:
    result = backtest(momentum_bundle(), run_candles(), settings())
    assert result.path.ms[0] == START_MS + HOUR_MS
    first_fill = result.run.facts[result.run.facts["kind"] == FactKind.FILL][0]
    assert first_fill["ms"] >= START_MS + HOUR_MS + MINUTE_MS


def test_hours_made_of_minutes_are_the_hours() -> None:
    candles, before = run_candles(), histories()
    for made, old, fine in zip(candles.decision_candles, before, minutes(before, HOURS), strict=True):
        assert np.array_equal(made[: len(old)], old)
        assert made[len(old) :] == pytest.approx(hourly(fine), rel=1e-12)
        assert np.array_equal(made[len(old) :, :5], hourly(fine)[:, :5])


def test_an_hour_that_is_still_filling_is_no_candle() -> None:
    before = histories()
    execution = [part[:90] for part in minutes(before, 2)]
    end_ms = START_MS + 2 * HOUR_MS
    none = (np.zeros(0, np.int64), np.zeros(0, np.int64))
    candles = assemble(MARKETS, Timeframe.H1, Timeframe.M1, START_MS, end_ms, execution, before, [none, none])
    assert [len(part) - len(old) for part, old in zip(candles.decision_candles, before, strict=True)] == [1, 1]


def test_doubled_costs_cost_more_and_a_late_decision_fills_later() -> None:
    plain = backtest(momentum_bundle(), run_candles(), settings())
    dear = backtest(momentum_bundle(), run_candles(), settings(), stress=Stress(costs_factor=2.0))
    late = backtest(momentum_bundle(), run_candles(), settings(), stress=Stress(delay_bars=1))
    assert dear.settings.execution.fee_bps == 2 * plain.settings.execution.fee_bps
    assert final_cash(dear) < final_cash(plain)
    first = [result.run.facts["ms"][result.run.facts["kind"] == FactKind.FILL][0] for result in (plain, late)]
    assert first[1] - first[0] == HOUR_MS


def test_bars_the_bundle_was_trained_on_are_refused_with_the_first_out_of_sample_date() -> None:
    bundle = momentum_bundle(trained_until_ms=START_MS, purge_ms=36 * HOUR_MS)
    with pytest.raises(BadInput) as refused:
        require_unseen(bundle, START_MS + 35 * HOUR_MS)
    assert refused.value.exit_code == 2
    assert "start at 2025-05-06 12:00 or later" in str(refused.value)
    assert "sigma walk-forward --model-type momentum" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_first_out_of_sample_bar_is_not_refused() -> None:
    trained, rule = momentum_bundle(trained_until_ms=START_MS, purge_ms=36 * HOUR_MS), momentum_bundle()
    first_ms = START_MS + 36 * HOUR_MS
    assert [is_in_sample(trained, ms) for ms in (first_ms - HOUR_MS, first_ms)] == [True, False]
    assert not is_in_sample(rule, START_MS)  # a rule has seen nothing
    require_unseen(trained, first_ms)
    require_unseen(rule, START_MS)


def test_settings_of_another_timeframe_are_refused() -> None:
    with pytest.raises(BadInput, match="settings decide on 4h"):
        backtest(momentum_bundle(), run_candles(), settings(timeframe=Timeframe.H4))


def test_a_state_of_the_future_is_refused() -> None:
    late = backtest(momentum_bundle(), run_candles(), settings()).run.state
    with pytest.raises(BadInput, match="goes on at 2025-05-10 00:00"):
        backtest(momentum_bundle(), run_candles(), settings(), state=late)


def test_buy_and_hold_earns_what_the_markets_did_less_one_fee_and_funding() -> None:
    before = histories()
    none = (np.zeros(0, np.int64), np.zeros(0, np.int64))
    execution, end_ms = minutes(before, HOURS), START_MS + HOURS * HOUR_MS
    candles = assemble(MARKETS, Timeframe.H1, Timeframe.M1, START_MS, end_ms, execution, before, [none, none])
    result = backtest(momentum_bundle(), candles, settings())
    found = {part.name: part.curve for part in baselines(result.path, candles, settings())}
    entry = 61  # decided at the first hour's close, filled a minute later
    moves = [part[-1, 4] / (part[entry, 1] * 1.0002) for part in execution]
    # sizes are floored to whole lots of about 60 quote, so up to a hundredth of a market is not bought
    assert found[HOLD].final / 10_000 == pytest.approx(np.mean(moves) - 0.0005, abs=6e-4)
    assert found[CASH].final == 10_000


def test_a_baseline_knows_nothing_of_the_model() -> None:
    candles = run_candles()
    path = backtest(momentum_bundle(), candles, settings()).path
    other = replace(path, conviction=-path.conviction, blended=-path.blended)
    first, second = (baselines(part, candles, settings()) for part in (path, other))
    assert all(np.array_equal(one.curve.equity, two.curve.equity) for one, two in zip(first, second, strict=True))


def test_momentum_share_is_the_mean_sign_of_past_returns() -> None:
    candles = run_candles()
    path = backtest(momentum_bundle(), candles, settings()).path
    closes = candles.decision_candles[0][:, 4]
    row = 50
    now = len(histories()[0]) + row
    signs = [np.sign(closes[now] - closes[now - 24 * days]) for days in MOMENTUM_DAYS]
    assert momentum_shares(path, candles)[row, 0] == pytest.approx(np.mean(signs))


def test_momentum_across_markets_is_neutral_chosen_on_mondays_and_held() -> None:
    candles = run_candles()
    path = backtest(momentum_bundle(), candles, settings()).path
    three = replace(
        path,
        ms=MONDAY + 3_600_000 * np.arange(200),
        ready=np.ones((200, 3), bool),
        conviction=np.zeros((200, 3)),
        volatility=np.ones((200, 3)),
    )
    series = [np.zeros((200 + 28 * 24, 6)) for _ in range(3)]
    for step, part in zip((-1e-4, 0.0, 1e-4), series, strict=True):
        part[:, 0] = MONDAY + 3_600_000 * (np.arange(len(part)) - 28 * 24 - 1)
        part[:, 4] = np.exp(step * np.arange(len(part)))
    held = across_shares(
        three, replace(candles, decision_candles=tuple(series), open_ms=np.array([MONDAY - 3_600_000]))
    )
    np.testing.assert_allclose(held[0], [-1.0, 0.0, 1.0], atol=1e-9)
    np.testing.assert_array_equal(held[:168], np.tile(held[0], (168, 1)))
    assert abs(held[170].sum()) < 1e-9


def test_the_two_rules_trade_and_differ() -> None:
    candles = run_candles()
    path = backtest(momentum_bundle(), candles, settings()).path
    found = {part.name: part.curve for part in rule_baselines(path, candles, settings())}
    assert set(found) == {DONCHIAN, MOMENTUM}
    assert all(abs(curve.final / curve.initial - 1) < 0.2 for curve in found.values())
    assert len({curve.final for curve in found.values()}) == 2


def test_the_curve_begins_with_the_deposit_and_ends_with_the_marked_equity() -> None:
    result = backtest(momentum_bundle(), run_candles(), settings())
    assert result.curve.initial == 10_000
    assert result.curve.final == int(result.run.state.account["equity"][0]) / UNITS_PER_QUOTE
    assert result.curve.times[-1] == START_MS + HOURS * HOUR_MS


def test_a_market_that_the_bundle_never_learnt_and_another_horizon_are_said() -> None:
    result = backtest(momentum_bundle(), run_candles(), settings())
    taught = replace(result, learnt=("XRPUSDT",), horizon_bars=result.settings.decision.horizon_bars + 1)
    lines = unlearnt(taught)
    assert any("never learnt BTCUSDT" in line and "taught by XRPUSDT" in line for line in lines)
    assert any("The bundle forecasts" in line for line in lines)
    assert unlearnt(replace(taught, learnt=(), horizon_bars=0)) == []
