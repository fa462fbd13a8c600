"""Slippage by liquidity: a market's class when it joins, stated from there on, the same live, replayed and in a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from strategies.engine import Engine, begin
from strategies.kernel.settings import ExecutionSettings, TradingSettings
from strategies.kernel.state import FactKind
from strategies.market import DAY_MS, Market, Timeframe
from strategies.minute import Command
from strategies.universe.slippage import slippage_bps, with_slippage
from tests.bot.trading.world import MARKETS, body_bundle, history, minutes
from tests.builders import START_MS, candles, market
from training.backtest.run import Stress, stressed

LIQUID = TradingSettings.model_validate({"execution": {"slippage": "liquidity"}})


def traded(quote_a_day: float, days: int = 40) -> np.ndarray:
    """Hourly candles at 100 that trade so much a day, up to `START_MS`."""
    made = candles(days * 24, start_ms=START_MS - days * DAY_MS)
    made[:, 1:5], made[:, 5] = 100.0, quote_a_day / 24 / 100.0
    return made


def engine_of(settings: TradingSettings = LIQUID) -> Engine:
    return begin(markets=MARKETS, settings=settings, bundle=body_bundle(), candles=history(), start_ms=START_MS)


@pytest.mark.parametrize(("quote_a_day", "bps"), [(2e9, 2), (5e8, 3), (2e8, 4), (5e7, 6), (2e7, 9), (0.0, 15)])
def test_the_class_goes_by_the_median_day_before_the_joining(quote_a_day: float, bps: float) -> None:
    assert slippage_bps(quote_a_day) == bps
    later = traded(9e9)
    later[:, 0] += 40 * DAY_MS
    known = np.concatenate([traded(quote_a_day), later])
    found = with_slippage(market(), known, Timeframe.H1, START_MS, LIQUID.execution)
    assert found.slippage_e8 == bps * 10_000
    assert with_slippage(market(), known, Timeframe.H1, START_MS, ExecutionSettings()) == market()


def test_a_new_account_states_it_and_keeps_it_through_documents_restarts_and_changes() -> None:
    engine = engine_of()
    stated = [each.slippage_e8 for each in engine.markets]
    assert all(value > 0 for value in stated)
    assert engine.membership.records["slippage_e8"].tolist() == stated
    again = tuple(Market.of_document(each.document()) for each in engine.markets)
    assert again == engine.markets
    restarted = Engine(
        markets=again,
        settings=LIQUID,
        bundle=engine.bundle,
        state=engine.state.copy(),
        candles=engine.copy_candles(),
    )
    change = Command(kind="change", spec=replace(MARKETS[1], max_leverage=5), market=1, by="exchange", why="leverage")
    restarted.step(replace(minutes(1)[0], commands=(change,)))
    assert restarted.markets[1].max_leverage == 5
    assert [each.slippage_e8 for each in restarted.markets] == stated


def test_a_market_that_joins_gets_the_class_of_the_candles_given() -> None:
    engine = engine_of()
    join = Command(kind="join", spec=market("NEWUSDT"), market=3, by="person", why="new", given=traded(5e8))
    minute = minutes(1)[0]
    grown = replace(
        minute,
        bars=np.concatenate([minute.bars, minute.bars[:1]]),
        present=np.append(minute.present, False),
        funding_e8=np.append(minute.funding_e8, minute.funding_e8[:1]),
        commands=(join,),
    )
    engine.step(grown)
    assert engine.markets[3].slippage_e8 == 3 * 10_000


def test_fills_pay_it_and_a_flat_account_fills_as_before() -> None:
    flat, dear = engine_of(TradingSettings()), engine_of()
    fills = {}
    for name, engine in (("flat", flat), ("dear", dear)):
        facts = np.concatenate([engine.step(minute).facts for minute in minutes(30 * 60)])
        fills[name] = facts[facts["kind"] == FactKind.FILL.value]
    first = {name: rows[0] for name, rows in fills.items()}
    assert first["flat"]["ms"] == first["dear"]["ms"]
    side = np.sign(first["flat"]["lots"])
    assert side * (first["dear"]["price"] - first["flat"]["price"]) > 0


def test_doubled_costs_double_what_a_market_states() -> None:
    dear = replace(market(), fee_e8=40_000, slippage_e8=60_000)
    records = stressed(LIQUID, Stress(costs_factor=2.0)).market_records([dear, market()])
    assert records["slippage_e8"].tolist() == [120_000, 40_000]
    assert records["fee_e8"].tolist() == [80_000, 100_000]
