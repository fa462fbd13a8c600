"""The whole routine over made-up history: trainings by the calendar, swaps that carry the account, honest knowledge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest

from storage.candles.market_book import inferred_market
from storage.candles.store import CandleStore
from storage.config.tree import Config
from strategies.bundle.bundle import trend_bundle
from strategies.bundle.fallback_strategies import cash_bundle
from strategies.features import feature_set
from strategies.market import DAY_MS, Timeframe
from tests.made_markets import START_MS, random_candles
from training.backtest.run import backtest
from training.backtest.run_candles import RunCandles, read_run
from training.data.dataset import Dataset, build
from training.data.splits import next_month
from training.ensemble.families import RidgeFamily
from training.ensemble.fits import Means
from training.ensemble.plan import Plan
from training.runtime.file_cache import FileCache
from training.simulation.account import SimulatedAccount
from training.simulation.ahead import fit_ahead, known_borders
from training.simulation.card import record_simulation, simulation_card
from training.simulation.simulate import Event, Routine, Simulation, Simulator, wanted_borders
from training.walk_forward.paths import part

SYMBOLS = ("AAAUSDT", "BBBUSDT")
BARS = 9_000
FIRST_MS = next_month(START_MS + 290 * DAY_MS, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Two made-up markets of a year, with a planted edge."""

    everything: Dataset
    candles: RunCandles
    past: RunCandles


@cache
def history(edge: float = 0.15) -> Past:
    store = CandleStore(Path(mkdtemp()))
    for seed, symbol in enumerate(SYMBOLS, start=20 if edge == 0.0 else 0):
        rows = random_candles(BARS, seed=seed, edge=edge)
        rows[:, 1:5], rows[:, 5] = rows[:, 1:5].round(1), rows[:, 5].round(3)
        store.append("made", symbol, Timeframe.H1, "futures", rows)
    markets = tuple(
        inferred_market("made", name, "futures", store.read("made", name, Timeframe.H1, "futures").candles)
        for name in SYMBOLS
    )
    last_ms = START_MS + BARS * Timeframe.H1.ms
    last_ms -= last_ms % DAY_MS
    return Past(
        everything=build(store, "made", SYMBOLS, Timeframe.H1, feature_set()),
        candles=read_run(store, markets, Timeframe.H1, FIRST_MS, last_ms),
        past=read_run(store, markets, Timeframe.H1, START_MS + 150 * DAY_MS, last_ms),
    )


def plan_with() -> Plan:
    config = Config()
    return Plan(families=[RidgeFamily()], trading=config.trading, validation=config.validation)


def lived(
    plan: Plan, say: Callable[[Event], None] = lambda _: None, edge: float = 0.15, cache: FileCache | None = None
) -> Simulation:
    made = history(edge)
    return Simulator(
        candles=made.candles,
        past=made.past,
        plan=plan,
        dataset_until=made.everything.until,
        say=say,
        means=Means(cache=cache or FileCache()),
    ).run()


@cache
def simulated() -> Simulation:
    return lived(plan_with())


def test_it_trains_by_the_calendar_promotes_what_passes_and_trades_it() -> None:
    found = simulated()
    scheduled = [event.ms for event in found.events if event.kind == "retrained" and "scheduled" in event.words]
    assert scheduled == list(wanted_borders(FIRST_MS, found.result.candles.end_ms, 1))
    assert found.promotions >= 1
    first = next(event for event in found.events if event.kind == "swap")
    assert first.bundle.startswith("b-")
    assert len(found.result.trades) > 3
    assert len(found.result.run.equity) == len(found.result.candles.open_ms)


def test_a_training_knows_only_candles_closed_by_its_time() -> None:
    asked: list[tuple[int, int]] = []
    made = history()

    def until(ms: int) -> Dataset:
        found = made.everything.until(ms)
        asked.append((ms, max(int(part.candles[-1, 0]) for part in found.segments) + Timeframe.H1.ms))
        return found

    Simulator(candles=made.candles, past=made.past, plan=plan_with(), dataset_until=until).run()
    assert len(asked) > 3
    assert all(newest <= ms for ms, newest in asked)


def test_changing_the_future_changes_nothing_before_it() -> None:
    made, border_ms = history(), next_month(FIRST_MS, 1)
    before = simulated().result
    bars = made.candles.bars.copy()
    later = made.candles.open_ms >= border_ms
    bars[later, :, :4] = bars[later, :, :4] * 3 // 2
    changed = Simulator(
        candles=replace(made.candles, bars=bars),
        past=made.past,
        plan=plan_with(),
        dataset_until=made.everything.until,
    ).run()
    rows = ~later
    assert np.array_equal(before.run.equity[rows], changed.result.run.equity[rows])
    assert not np.array_equal(before.run.equity, changed.result.run.equity)


def live(account: SimulatedAccount, start_ms: int, end_ms: int) -> None:
    window = part(account.candles, start_ms, end_ms)
    account.trade(account.decide(window), window)


def test_windows_of_one_bundle_are_one_backtest() -> None:
    made, settings = history(), Config().trading
    bundle = trend_bundle()
    account = SimulatedAccount(candles=made.candles, settings=settings, bundle=bundle)
    at_ms = made.candles.start_ms
    while at_ms < made.candles.end_ms:
        end_ms = min(at_ms + 5 * DAY_MS, made.candles.end_ms)
        live(account, at_ms, end_ms)
        at_ms = end_ms
    whole, parts = backtest(bundle, made.candles, settings), account.result("parts")
    assert np.array_equal(whole.run.facts, parts.run.facts)
    assert np.array_equal(whole.run.equity, parts.run.equity)
    assert whole.run.state.to_bytes() == parts.run.state.to_bytes()


def test_in_cash_what_is_held_is_closed_and_nothing_entered() -> None:
    made, settings = history(), Config().trading
    bundle = trend_bundle()
    account = SimulatedAccount(candles=made.candles, settings=settings, bundle=bundle)
    middle_ms = made.candles.start_ms + 20 * DAY_MS
    live(account, made.candles.start_ms, middle_ms)
    account.swap(cash_bundle())
    live(account, middle_ms, made.candles.end_ms)
    found = account.result("cash")
    assert not found.run.state.positions["lots"].any()
    fills = found.run.facts[found.run.facts["lots"] != 0]
    assert (fills["position"][fills["ms"] > middle_ms + 2 * Timeframe.H1.ms] == 0).all()


def test_models_fitted_ahead_are_found_and_change_no_bit(tmp_path: Path) -> None:
    made, cache = history(), FileCache(root=tmp_path)
    fit_ahead(made.everything, plan_with(), Routine(), FIRST_MS, Means(cache=cache), lambda _: None)
    kept = len([path for path in tmp_path.iterdir() if path.is_dir() and not path.name.startswith("scores-")])
    assert kept == len(known_borders(made.everything, plan_with(), Routine(), FIRST_MS))
    found = lived(plan_with(), cache=cache)
    drifted = [event for event in found.events if "drift" in event.words and event.kind == "retrained"]
    assert len(
        [path for path in tmp_path.iterdir() if path.is_dir() and not path.name.startswith("scores-")]
    ) - kept <= 5 * len(drifted)  # three folds, everything, the twin
    assert np.array_equal(found.result.run.equity, simulated().result.run.equity)


def test_without_an_edge_the_rules_trade_and_the_verdict_says_so(tmp_path: Path) -> None:
    found = lived(plan_with(), edge=0.0)
    assert found.promotions == 0
    card, curves = simulation_card(found, history(0.0).everything, plan_with(), Routine(), tmp_path, 1.0)
    assert "edge" in card.verdict or "judged" in card.verdict
    assert "Donchian" in card.verdict
    assert card.decided["bundles"] == 0.0
    assert sum(card.decided.values()) == pytest.approx(1.0)
    assert {"cash", "buy and hold"} <= set(curves)


def test_a_simulation_is_a_trial_and_its_report_stands(tmp_path: Path) -> None:
    from training.report.simulate import simulation_report

    found = simulated()
    card, curves = simulation_card(found, history().everything, plan_with(), Routine(), tmp_path, 1.0)
    trial = record_simulation(found, card, 1, tmp_path)
    assert (trial.kind, trial.params["trainings"]) == ("simulate", found.trainings)
    page = simulation_report(found, card, curves)
    assert "What the bot did" in page
    assert card.document()["verdict"] in card.verdict
