"""A replay shows recordings as they are: gaps, digits, funding times; the past from hours, the range from minutes."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bot.simulator.market.replay import ReplayMarket
from bot.simulator.market.source import aggregate
from strategies.errors import BadInput
from strategies.market import HOUR_MS, MINUTE_MS, OPEN_MS
from tests.bot.simulator.exchanges import write_candles, write_funding

START_MS = 1_746_403_200_000  # 2025-05-05
RECORDED = Path(__file__).parents[3].parent / "shared" / "data"


def recorded_minutes(first_ms: int, count: int) -> np.ndarray:
    k = np.arange(count)
    closes = 100 + k % 7 / 10
    opens = np.r_[100.0, closes[:-1]]
    candles = np.column_stack((first_ms + k * MINUTE_MS, opens, opens + 1, opens - 1, closes, 0.001 + k % 5 / 1000))
    return np.round(candles, 3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five hours of minutes from half past the hour before START, three missing; hours from ten hours before."""
    minutes = recorded_minutes(START_MS - 30 * MINUTE_MS, 330)
    minutes = np.delete(minutes, [100, 101, 102], axis=0)
    hours = recorded_minutes(START_MS, 16)
    hours[:, OPEN_MS] = START_MS + np.arange(-10, 6) * HOUR_MS
    hours[0, 1] = 98.125  # digits that the minutes no longer have
    write_candles(tmp_path / "BTCUSDT_1m_futures.parquet", minutes)
    write_candles(tmp_path / "BTCUSDT_1h_futures.parquet", hours)
    write_funding(tmp_path / "BTCUSDT_funding_futures.parquet", [START_MS - 8 * HOUR_MS, START_MS + 7], [1e-4, -2.5e-4])
    return tmp_path


def test_hours_inside_the_minutes_range_are_summed_from_them(folder: Path) -> None:
    market = ReplayMarket(folder, ["BTCUSDT"], folder, START_MS)
    inside = market.hours("BTCUSDT", START_MS, START_MS + 5 * HOUR_MS)
    minutes = market.minutes("BTCUSDT", START_MS, START_MS + 5 * HOUR_MS)
    assert len(minutes) == 297
    assert np.array_equal(inside, aggregate(minutes, HOUR_MS, 3))


def test_hours_before_come_from_the_hour_file_also_where_minutes_begin_halfway(folder: Path) -> None:
    market = ReplayMarket(folder, ["BTCUSDT"], folder, START_MS)
    before = market.hours("BTCUSDT", 0, START_MS)
    assert before[:, OPEN_MS].tolist() == [START_MS + k * HOUR_MS for k in range(-10, 0)]
    assert before[0, 1] == 98.125


def test_grid_is_that_of_the_minutes_and_printing_keeps_older_digits(folder: Path) -> None:
    instrument = ReplayMarket(folder, ["BTCUSDT"], folder, START_MS).instruments["BTCUSDT"]
    assert (instrument.market.tick, instrument.market.lot) == (Decimal("0.1"), Decimal("0.001"))
    assert instrument.price_decimals == 3
    assert instrument.onboard_ms == START_MS - 10 * HOUR_MS


def test_funding_keeps_its_odd_milliseconds(folder: Path) -> None:
    times, rates = ReplayMarket(folder, ["BTCUSDT"], folder, START_MS).funding("BTCUSDT", START_MS, START_MS + HOUR_MS)
    assert times.tolist() == [START_MS + 7]
    assert rates.tolist() == [-2.5e-4]


def test_market_without_funding_file_pays_none(folder: Path) -> None:
    market = ReplayMarket(folder, ["BTCUSDT"])
    assert market.instruments["BTCUSDT"].market.funding_interval_ms == 0
    assert len(market.funding("BTCUSDT", 0, START_MS * 2)[0]) == 0


def test_range_defaults_to_what_the_minutes_cover(folder: Path) -> None:
    market = ReplayMarket(folder, ["BTCUSDT"])
    assert (market.start_ms, market.end_ms) == (START_MS - 30 * MINUTE_MS, START_MS + 5 * HOUR_MS)


@pytest.mark.parametrize(
    ("start_ms", "end_ms"),
    [(START_MS - HOUR_MS, None), (START_MS, START_MS + 6 * HOUR_MS), (START_MS, START_MS), (START_MS + 1, None)],
)
def test_range_that_the_minutes_do_not_cover_is_refused(folder: Path, start_ms: int, end_ms: int | None) -> None:
    with pytest.raises(BadInput, match="is asked for"):
        ReplayMarket(folder, ["BTCUSDT"], None, start_ms, end_ms)


def test_missing_and_foreign_files_are_refused_by_name(folder: Path) -> None:
    with pytest.raises(BadInput, match=r"ETHUSDT_1m_futures\.parquet does not exist"):
        ReplayMarket(folder, ["ETHUSDT"])
    (folder / "ETHUSDT_1m_futures.parquet").write_bytes(b"PAR1 cut off")
    with pytest.raises(BadInput, match="cannot be read as parquet"):
        ReplayMarket(folder, ["ETHUSDT"])
    pq.write_table(pa.table({"when": [1], "price": [2.0]}), folder / "ETHUSDT_1m_futures.parquet")
    with pytest.raises(BadInput, match="has the columns when, price; open_ms or timestamp is needed"):
        ReplayMarket(folder, ["ETHUSDT"])


def test_recorded_market_is_replayed_on_its_real_grid() -> None:
    if not RECORDED.is_dir():
        pytest.skip("no recorded candles beside the checkout")
    market = ReplayMarket(RECORDED / "candles", ["BTCUSDT", "SOLUSDT"], RECORDED / "funding", START_MS)
    grid = {name: (str(each.market.tick), str(each.market.lot)) for name, each in market.instruments.items()}
    assert grid == {"BTCUSDT": ("0.1", "0.001"), "SOLUSDT": ("0.001", "0.01")}
    recorded = pq.read_table(RECORDED / "candles" / "BTCUSDT_1h_futures.parquet").to_pandas().to_numpy()
    inside = recorded[(recorded[:, 0] >= START_MS) & (recorded[:, 0] < START_MS + 40 * 24 * HOUR_MS)]
    assert np.array_equal(market.hours("BTCUSDT", START_MS, START_MS + 40 * 24 * HOUR_MS), inside)
