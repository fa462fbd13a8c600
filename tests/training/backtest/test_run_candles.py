"""Which stored candles a run settles on, and what it says when there are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from storage.candles.market_book import inferred_market, record_markets, recorded_markets
from storage.candles.store import CandleStore
from strategies.errors import BadInput, DataGap, StorageFailed
from strategies.kernel.state import NO_RATE
from strategies.market import HOUR_MS, Timeframe
from tests.training.run_builders import MARKETS, START_MS, histories, hourly, minutes
from training.backtest.funding_bars import settled_on_bars
from training.backtest.run_candles import RunCandles, read_run

HOURS = 48
END_MS = START_MS + HOURS * HOUR_MS


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    """Return a store with hourly candles of history and run for both markets."""
    store = CandleStore(tmp_path)
    before = histories()
    for market, old, fine in zip(MARKETS, before, minutes(before, HOURS), strict=True):
        store.append(market.exchange, market.symbol, "1h", "futures", np.concatenate([old, hourly(fine)]))
    return store


def add_minutes(store: CandleStore, index: int, chosen: slice = slice(None)) -> None:
    market = MARKETS[index]
    candles = minutes(histories(), HOURS)[index][chosen]
    store.append(market.exchange, market.symbol, "1m", "futures", candles)


def read(store: CandleStore) -> RunCandles:
    return read_run(store, MARKETS, Timeframe.H1, START_MS, END_MS)


def test_a_run_settles_on_minutes_where_every_market_has_them(store: CandleStore) -> None:
    add_minutes(store, 0)
    add_minutes(store, 1)
    assert read(store).bar is Timeframe.M1
    assert read(store).bars.shape == (HOURS * 60, 2, 5)


def test_one_market_without_minutes_puts_all_on_hours(store: CandleStore) -> None:
    add_minutes(store, 0)
    assert read(store).bar is Timeframe.H1


def test_minutes_with_a_long_hole_between_their_ends_do_not_cover_the_run(store: CandleStore) -> None:
    add_minutes(store, 0)
    add_minutes(store, 1, slice(0, 60))
    add_minutes(store, 1, slice(-60, None))
    assert read(store).bar is Timeframe.H1


def test_a_few_missing_minutes_are_absent_bars(store: CandleStore) -> None:
    add_minutes(store, 0)
    add_minutes(store, 1, slice(0, 100))
    add_minutes(store, 1, slice(103, None))
    run = read(store)
    assert run.bar is Timeframe.M1
    assert np.flatnonzero(~run.present[:, 1]).tolist() == [100, 101, 102]
    assert not run.bars[100:103, 1].any()


def test_funding_settles_at_its_own_bar(store: CandleStore) -> None:
    store.append_funding("binanceusdm", "BTCUSDT", np.array([START_MS + 8 * HOUR_MS + 5]), np.array([12_345]))
    run = read(store)
    assert np.flatnonzero(run.funding_e8[:, 0] != NO_RATE).tolist() == [8]
    assert run.funding_e8[8, 0] == 12_345
    assert (run.funding_e8[:, 1] == NO_RATE).all()


def test_a_run_outside_the_stored_candles_says_what_is_stored(store: CandleStore) -> None:
    with pytest.raises(DataGap, match="stored at 1h: BTCUSDT 2024-12-14 08:00 to 2025-05-07 00:00, ETHUSDT"):
        read_run(store, MARKETS, Timeframe.H1, START_MS, END_MS + 24 * HOUR_MS)


def test_a_run_off_the_decision_grid_is_refused(store: CandleStore) -> None:
    with pytest.raises(BadInput, match="off the 1h grid"):
        read_run(store, MARKETS, Timeframe.H1, START_MS + 60_000, END_MS)


def test_specifications_survive_and_replace_one_another(tmp_path: Path) -> None:
    record_markets(tmp_path, MARKETS[:1])
    record_markets(tmp_path, MARKETS)
    assert recorded_markets(tmp_path, "binanceusdm") == list(MARKETS)
    assert recorded_markets(tmp_path, "binanceusdm", "spot") == []


def test_a_damaged_specification_file_is_named(tmp_path: Path) -> None:
    record_markets(tmp_path, MARKETS)
    (tmp_path / "binanceusdm" / "markets_futures.json").write_text("{")
    with pytest.raises(StorageFailed, match=r"markets_futures\.json"):
        recorded_markets(tmp_path, "binanceusdm")


def test_the_grid_of_imported_candles_is_inferred_from_them() -> None:
    for market, candles in zip(MARKETS, histories(), strict=True):
        found = inferred_market("binanceusdm", market.symbol, "futures", candles)
        assert (found.tick, found.lot) == (market.tick, market.lot)


def test_nothing_can_be_inferred_from_nothing() -> None:
    with pytest.raises(DataGap, match="neither a specification nor candles"):
        inferred_market("binanceusdm", "BTCUSDT", "futures", np.empty((0, 6)))


def test_a_rate_that_settles_where_a_market_has_no_bar_rides_on_its_next_one() -> None:
    present = np.array([0, 0, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0], bool)
    rows, rates = np.array([0, 3, 4, 5, 7, 10]), np.array([1, 2, 3, 4, 5, 6])
    charged = settled_on_bars(rows, rates, present)
    told = {int(row): int(charged[row]) for row in np.flatnonzero(charged != NO_RATE)}
    assert told == {3: 2, 7: 5, 8: 3, 9: 4}  # what settles before it begins or after it ends is nobody's
    assert (settled_on_bars(rows[:0], rates[:0], present) == NO_RATE).all()
    assert (settled_on_bars(rows, rates, np.zeros(12, bool)) == NO_RATE).all()
