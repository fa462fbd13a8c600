"""The compiled loop: the same facts as stepping by hand, none left out, and nothing changed that it was given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import prange

from strategies.kernel.account import AccountState
from strategies.kernel.books import Bars, Books, Scores
from strategies.kernel.compiled import KERNEL, compiled_parallel
from strategies.kernel.decisions import decide
from strategies.kernel.execution import place_order, settle_bar, settle_minute
from strategies.kernel.loop import RunResult, run
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import ACCOUNT, DECISION, FACT, NO_RATE, ORDER, POSITION, FactKind, Reason
from tests.builders import ROOT, SHARED_DATA, START_MS, market

MINUTE_MS = 60_000
BUSY = {"decision": {"trail_sigmas": 0.6, "stop_sigmas": 0.5, "block_after_exit_h": 0.5}}


def world(*, minutes: int = 3_000, markets: int = 3, every: int = 5, seed: int = 3) -> dict[str, Any]:
    """Return the arguments of `run` for a seeded market: some bars absent, funding every 8 hours, busy convictions."""
    rng = np.random.default_rng(seed)
    close = 10_000 * np.exp(np.cumsum(rng.normal(0, 0.002, (minutes, markets)), axis=0))
    opened = np.vstack([np.full((1, markets), 10_000.0), close[:-1]])
    high = np.maximum(opened, close) * (1 + rng.exponential(0.001, (minutes, markets)))
    low = np.minimum(opened, close) * (1 - rng.exponential(0.001, (minutes, markets)))
    open_ms = START_MS + np.arange(minutes) * MINUTE_MS
    funding = np.full((minutes, markets), NO_RATE)
    funding[open_ms % 28_800_000 == 0] = 10_000
    decided = np.flatnonzero((np.arange(minutes) + 1) % every == 0)
    rows = np.full(minutes, -1)
    rows[decided] = np.arange(len(decided))
    shape = (len(decided), markets)
    conviction = rng.normal(0, 1.5, shape)
    prices = np.stack([opened, high, low, close, np.full_like(close, 9)], axis=2).round().astype(np.int64)
    return {
        "bars": Bars(open_ms, prices, rng.random((minutes, markets)) > 0.01, funding, rows),
        "scores": Scores(
            conviction=conviction,
            expected_return=conviction * 0.01,
            sigma=np.full(shape, 0.004),
            volatility=np.full(shape, 0.6),
            agreement=rng.uniform(-1, 1, shape),
            strength=rng.normal(0, 1, shape),
            not_ready=np.zeros(shape, np.bool_),
        ),
        "bar_ms": MINUTE_MS,
    }


def account(markets: int = 3, **sections: Any) -> tuple[AccountState, np.ndarray, np.ndarray]:
    settings = TradingSettings.model_validate(BUSY | sections)
    state = AccountState.begin(markets=markets, deposit=10_000 * 10**8, start_ms=START_MS)
    return state, settings.market_records([market(f"M{index}") for index in range(markets)]), settings.rules()


def stepped(
    state: AccountState, markets: np.ndarray, rules: np.ndarray, given: dict[str, Any]
) -> tuple[np.ndarray, Any]:
    """Do what the live engine does, minute by minute."""
    facts, kept, state = np.zeros(200, FACT), [], state.copy()
    books, bars = state.books(markets, rules, facts), given["bars"]
    for i, open_ms in enumerate(bars.open_ms):
        count = settle_minute(books, int(open_ms), bars.prices[i], bars.present[i], bars.funding_e8[i], 0)
        row = bars.decision_rows[i]
        if row >= 0:
            scores = Scores(*(part[row] for part in given["scores"]))._replace(not_ready=~bars.present[i])
            decisions, close_ms = np.zeros(len(markets), DECISION), int(open_ms) + MINUTE_MS
            count = decide(books, scores, False, close_ms, decisions, count)
        kept.append(facts[:count].copy())
    return np.concatenate(kept), state


def assert_same_run(found: RunResult, facts: np.ndarray, state: AccountState) -> None:
    np.testing.assert_array_equal(found.facts, facts)
    assert found.state.to_bytes() == state.to_bytes()


def test_loop_equals_stepping_minute_by_minute() -> None:
    given = world()
    state, markets, rules = account()
    found = run(state, markets, rules, **given)
    assert_same_run(found, *stepped(state, markets, rules, given))
    reasons = {Reason(int(reason)) for reason in found.facts["reason"]}
    assert reasons >= {
        Reason.SIGNAL,
        Reason.FADED,
        Reason.REVERSED,
        Reason.STOP,
        Reason.TRAIL,
        Reason.SETTLED,
        Reason.LATE,
    }


def test_two_halves_equal_the_whole() -> None:
    given = world()
    state, markets, rules = account()
    whole = run(state, markets, rules, **given)
    halves = [Bars(*(part[cut] for part in given["bars"])) for cut in (slice(1500), slice(1500, None))]
    first = run(state, markets, rules, **given | {"bars": halves[0]})
    second = run(AccountState.from_bytes(first.state.to_bytes()), markets, rules, **given | {"bars": halves[1]})
    np.testing.assert_array_equal(np.concatenate([first.facts, second.facts]), whole.facts)
    assert second.state.to_bytes() == whole.state.to_bytes()


def test_facts_grow_past_one_buffer_and_none_is_lost() -> None:
    given = world(minutes=30_000, every=1)
    state, markets, rules = account(execution={"fee_bps": 0, "slippage_bps": 0}, protections={"drawdown_stop": 0})
    found = run(state, markets, rules, **given)
    assert len(found.facts) > 10_000
    assert state.account["cash"][0] + int(found.facts["cash_flow"].sum()) == found.state.account["cash"][0]
    assert int((found.facts["kind"] == FactKind.FILL).sum()) > 10_000


def test_run_leaves_its_inputs_alone_and_marks_every_bar() -> None:
    given = world(minutes=500)
    state, markets, rules = account()
    before = state.to_bytes()
    found = run(state, markets, rules, **given)
    assert state.to_bytes() == before
    assert found.equity[0] == 10_000 * 10**8
    assert found.equity[-1] == found.state.account["equity"][0]
    positions = found.state.positions
    gross = np.abs(positions["lots"] * positions["mark"] * markets["unit_value"]).sum()
    assert found.exposure[-1] == gross / found.equity[-1]


def test_shapes_that_do_not_fit_are_refused() -> None:
    given = world(minutes=100)
    state, markets, rules = account()
    bars, scores = given["bars"], given["scores"]
    with pytest.raises(ValueError, match="100 bars of 3 markets are needed"):
        run(state, markets, rules, **given | {"bars": bars._replace(present=bars.present[:, :2])})
    with pytest.raises(ValueError, match=r"all \(20, 3\) are needed"):
        run(state, markets, rules, **given | {"scores": scores._replace(sigma=scores.sigma[1:])})
    with pytest.raises(ValueError, match=r"-1\.\.19 is needed"):
        run(state, markets, rules, **given | {"bars": bars._replace(decision_rows=np.full(100, 20))})


def test_account_survives_its_bytes() -> None:
    state, markets, rules = account()
    after = run(state, markets, rules, **world(minutes=300)).state
    again = AccountState.from_bytes(after.to_bytes())
    np.testing.assert_array_equal(again.positions, after.positions)
    again.positions["lots"] = 7
    assert after.copy().to_bytes() == after.to_bytes() != again.to_bytes()


def test_real_minutes_run_to_the_last_unit() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = SHARED_DATA / "candles" / "BTCUSDT_1m_futures.parquet"
    if not path.is_file():
        pytest.skip(f"recorded candles are not at {path}")
    table = parquet.read_table(path).slice(0, 20_000)
    candles = np.stack([table.column(index).to_numpy().astype(np.float64) for index in range(6)], axis=1)
    bitcoin = market(tick="0.1")
    given = world(minutes=len(candles), markets=1, every=60)
    opens, prices = candles[:, 0].astype(np.int64), bitcoin.bars(candles)[:, None]
    given["bars"] = given["bars"]._replace(open_ms=opens, prices=prices)
    settings = TradingSettings.model_validate(BUSY)
    state = AccountState.begin(markets=1, deposit=10_000 * 10**8, start_ms=int(candles[0, 0]))
    markets, rules = settings.market_records([bitcoin]), settings.rules()
    found = run(state, markets, rules, **given)
    assert_same_run(found, *stepped(state, markets, rules, given))


@compiled_parallel
def advance(
    account: Any, positions: Any, orders: Any, markets: Any, rules: Any, ms: Any, bars: Any, facts: Any
) -> None:
    for i in prange(len(account)):
        for t in range(len(ms)):
            books = Books(account[i : i + 1], positions[i : i + 1], orders[i : i + 1], markets, rules, facts[i])
            settle_bar(books, 0, ms[t], bars[t], NO_RATE, 0)


def test_many_one_market_accounts_advance_in_parallel_on_views() -> None:
    given = world(minutes=200, markets=1)
    _, markets, rules = account(markets=1)
    many = 64
    accounts, positions, orders = np.zeros(many, ACCOUNT), np.zeros(many, POSITION), np.zeros(many, ORDER)
    for index in range(many):
        place_order(orders[index : index + 1], 0, index - 32, START_MS, 0, int(Reason.SIGNAL), 1_000_000, 0, 500_000)
    single = [part.copy() for part in (accounts, positions, orders)]
    opens, bars = given["bars"].open_ms, np.ascontiguousarray(given["bars"].prices[:, 0])
    advance(accounts, positions, orders, markets, rules, opens, bars, np.zeros((many, 16), FACT))
    facts = np.zeros(16, FACT)
    for index in range(many):
        books = Books(*(part[index : index + 1] for part in single), markets, rules, facts)
        for t, ms in enumerate(opens):
            settle_bar(books, 0, int(ms), bars[t], NO_RATE, 0)
    np.testing.assert_array_equal(accounts, single[0])
    np.testing.assert_array_equal(positions, single[1])


def test_every_kernel_file_dates_the_cache() -> None:
    sources = [*(ROOT / "strategies" / "kernel").glob("*.py"), *(ROOT / "strategies" / "bundle").glob("*.py")]
    compiled = {path for path in sources if "strategies.kernel.compiled import" in path.read_text()}
    assert compiled <= {*KERNEL}
