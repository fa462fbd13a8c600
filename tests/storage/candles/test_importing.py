"""Importing files: every usual spelling comes in, every wrong file is refused whole with one clear line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from storage.candles.importing.importer import Imported, store_plan
from storage.candles.importing.plan import plan_import
from storage.candles.importing.sheet import Options
from storage.candles.importing.tables import sheets
from storage.candles.importing.whose import Wanted
from storage.candles.store import CandleStore, StoredMarket
from strategies.errors import BadInput
from strategies.market import HOUR_MS, Timeframe
from tests.storage.candles.candle_builders import START_MS, hours, real_candles, real_file, walk

BTC = StoredMarket(exchange="binance", symbol="BTCUSDT", timeframe=Timeframe.H1, kind="futures")
NOW_MS = START_MS + 1000 * 24 * HOUR_MS


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    return CandleStore(tmp_path / "historical")


def bring(
    store: CandleStore,
    *paths: Path,
    market: StoredMarket = BTC,
    now_ms: int = NOW_MS,
    options: Options = Options(),
) -> list[Imported]:
    asked = Wanted(symbol=market.symbol, timeframe=market.timeframe.value, kind=market.kind)
    plan = plan_import(paths, market.exchange, asked, options, now_ms)
    return store_plan(store, plan.parts, NOW_MS)


def stored(store: CandleStore, market: StoredMarket = BTC) -> np.ndarray:
    return store.read(market.exchange, market.symbol, market.timeframe, market.kind).candles


def write_csv(path: Path, candles: np.ndarray, times: list[str] | None = None, time_name: str = "timestamp") -> Path:
    times = [str(int(time)) for time in candles[:, 0]] if times is None else times
    rows = [
        ",".join([time, *(repr(float(value)) for value in row)])
        for time, row in zip(times, candles[:, 1:], strict=True)
    ]
    path.write_text("\n".join([f"{time_name},Open,High,Low,Close,Volume", *rows]) + "\n")
    return path


def iso(candles: np.ndarray, suffix: str) -> list[str]:
    return [f"{np.datetime64(int(time), 's')}{suffix}" for time in candles[:, 0] // 1000]


@pytest.mark.parametrize(
    ("time_name", "scale"),
    [("timestamp", 1), ("unix", 1e-3), ("open_time", 1e3), ("time", 1e6), ("Open time", 1)],
)
def test_csv_times_in_any_unit_mean_the_same(store: CandleStore, tmp_path: Path, time_name: str, scale: float) -> None:
    candles = walk(50)
    times = [str(int(time * scale)) for time in candles[:, 0]]
    bring(store, write_csv(tmp_path / "c.csv", candles, times, time_name))
    assert stored(store).tobytes() == candles.tobytes()


@pytest.mark.parametrize("suffix", ["", "Z", "+00:00"])
def test_csv_iso_times_are_utc(store: CandleStore, tmp_path: Path, suffix: str) -> None:
    candles = walk(50)
    bring(store, write_csv(tmp_path / "c.csv", candles, iso(candles, suffix), "Date"))
    assert stored(store).tobytes() == candles.tobytes()


def test_an_offset_is_honoured(store: CandleStore, tmp_path: Path) -> None:
    candles = walk(50)
    bring(store, write_csv(tmp_path / "c.csv", candles, iso(candles, "+02:00"), "date"))
    assert stored(store)[0, 0] == START_MS - 2 * HOUR_MS


def test_an_archive_without_header_is_understood(store: CandleStore, tmp_path: Path) -> None:
    candles = walk(50)
    lines = [f"{int(row[0]) * 1000},{','.join(repr(float(v)) for v in row[1:])},0,0,0,0,0,0" for row in candles]
    path = tmp_path / "BTCUSDT-1h-2024-06.csv"
    path.write_text("\n".join(lines))
    bring(store, path)
    assert stored(store).tobytes() == candles.tobytes()


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_freqtrade_feather_comes_in(store: CandleStore, tmp_path: Path, unit: str) -> None:
    candles = walk(50)
    date = (
        pa.array(candles[:, 0].astype(np.int64)).cast(pa.timestamp("ms", tz="UTC")).cast(pa.timestamp(unit, tz="UTC"))
    )
    names = ("open", "high", "low", "close", "volume")
    table = pa.table({"date": date} | {name: candles[:, place] for place, name in enumerate(names, start=1)})
    pa.feather.write_feather(table, tmp_path / "BTC_USDT_USDT-1h-futures.feather")
    bring(store, tmp_path / "BTC_USDT_USDT-1h-futures.feather")
    assert stored(store).tobytes() == candles.tobytes()


def test_unsorted_rows_are_sorted_with_a_note(store: CandleStore, tmp_path: Path) -> None:
    candles = walk(50)
    (report,) = bring(store, write_csv(tmp_path / "c.csv", candles[::-1]))
    assert stored(store).tobytes() == candles.tobytes()
    assert any("sorted" in note for note in report.planned.notes)


def test_exact_duplicates_are_dropped_with_a_note(store: CandleStore, tmp_path: Path) -> None:
    (report,) = bring(store, write_csv(tmp_path / "c.csv", hours(0, 1, 1, 2)))
    assert len(report.planned.rows) == 3
    assert any("dropped 1 exact duplicate" in note for note in report.planned.notes)


def test_files_that_overlap_identically_join(store: CandleStore, tmp_path: Path) -> None:
    first = write_csv(tmp_path / "a.csv", hours(0, 1, 2))
    second = write_csv(tmp_path / "b.csv", hours(2, 3, 4))
    bring(store, second, first)
    assert stored(store).tobytes() == hours(0, 1, 2, 3, 4).tobytes()


def refusal(store: CandleStore, *paths: Path) -> str:
    """Return why files are refused, one line; nothing of them is stored."""
    with pytest.raises(BadInput) as refused:
        bring(store, *paths)
    assert "\n" not in str(refused.value)
    assert len(stored(store)) == 0
    return str(refused.value)


def test_duplicates_with_different_values_are_refused_and_listed(store: CandleStore, tmp_path: Path) -> None:
    candles = hours(0, 1, 1, 2)
    candles[2, 5] += 1
    assert "come twice with different values at 2024-06-01 01:00" in refusal(
        store, write_csv(tmp_path / "c.csv", candles)
    )


def test_files_that_contradict_each_other_are_refused(store: CandleStore, tmp_path: Path) -> None:
    contradicting = hours(2, 3)
    contradicting[0, 5] += 1
    first = write_csv(tmp_path / "a.csv", hours(0, 1, 2))
    assert "between the files" in refusal(store, first, write_csv(tmp_path / "b.csv", contradicting))


def test_another_timeframe_is_refused(store: CandleStore, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "c.csv", walk(50, Timeframe.M5))
    assert "candles are 5m apart, 1h was asked" in refusal(store, path)


def test_a_file_without_time_is_refused(store: CandleStore, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("open,high,low,close,volume\n1,2,1,2,3\n")
    assert "no time column: found open, high, low, close, volume" in refusal(store, path)


def test_a_file_without_volume_is_refused(store: CandleStore, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("time,open,high,low,close\n1717200000,1,2,1,2\n")
    assert "no volume column" in refusal(store, path)


@pytest.mark.parametrize("value", ["nan", "-5.0", "0.0", "", "inf"])
def test_impossible_prices_are_refused_with_their_row(store: CandleStore, tmp_path: Path, value: str) -> None:
    path = tmp_path / "c.csv"
    path.write_text(f"timestamp,open,high,low,close,volume\n1717200000000,1,2,1,2,3\n1717203600000,1,2,{value},2,3\n")
    assert "row 2" in refusal(store, path)


def test_text_for_a_price_is_refused(store: CandleStore, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("timestamp,open,high,low,close,volume\n1717200000000,one,2,1,2,3\n")
    assert "numbers are needed" in refusal(store, path)


def test_words_for_times_are_refused(store: CandleStore, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("date,open,high,low,close,volume\nyesterday,1,2,1,2,3\n")
    assert "ISO 8601 or a usual date is needed" in refusal(store, path)


@pytest.mark.parametrize("name", ["c.csv", "c.parquet", "c.feather"])
def test_an_empty_file_is_refused(store: CandleStore, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    assert f"{name} is empty" in refusal(store, tmp_path / name)


@pytest.mark.parametrize("name", ["c.parquet", "c.feather"])
def test_a_truncated_file_is_refused(store: CandleStore, tmp_path: Path, name: str) -> None:
    table = pa.table(
        {"timestamp": [START_MS], "open": [1.0], "high": [1.0], "low": [1.0], "close": [1.0], "volume": [1.0]}
    )
    path = tmp_path / name
    pq.write_table(table, path) if name.endswith("parquet") else pa.feather.write_feather(table, path)
    path.write_bytes(path.read_bytes()[:-30])
    assert f"{name} cannot be read" in refusal(store, path)


def test_a_missing_or_unknown_file_is_refused(store: CandleStore, tmp_path: Path) -> None:
    assert "is not a file" in refusal(store, tmp_path / "absent.csv")
    (tmp_path / "c.xlsx").write_text("x")
    assert "no table of candles" in refusal(store, tmp_path / "c.xlsx")


def test_one_bad_file_among_good_ones_keeps_all_out(store: CandleStore, tmp_path: Path) -> None:
    good = write_csv(tmp_path / "good.csv", walk(50))
    (tmp_path / "bad.csv").write_text("price\n1\n")
    assert "bad.csv" in refusal(store, good, tmp_path / "bad.csv")


def test_many_off_grid_candles_are_refused(store: CandleStore, tmp_path: Path) -> None:
    candles = walk(50)
    candles[:, 0] += 7_000
    assert "off the 1h grid" in refusal(store, write_csv(tmp_path / "c.csv", candles))


def test_a_candle_still_forming_is_left_out(store: CandleStore, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "c.csv", hours(0, 1, 2))
    (report,) = bring(store, path, now_ms=START_MS + 3 * HOUR_MS - 1)
    assert len(report.planned.rows) == 2
    assert any("not closed yet" in note for note in report.planned.notes)


def test_funding_rates_come_in(store: CandleStore, tmp_path: Path) -> None:
    path = tmp_path / "funding.csv"
    path.write_text(
        "calc_time,funding_interval_hours,last_funding_rate\n1717200000003,8,0.0001\n1717228800000,8,-0.00005\n"
    )
    (report,) = bring(store, path)
    times, rates = store.read_funding("binance", "BTCUSDT")
    assert report.planned.content == "funding"
    assert times.tolist() == [START_MS, START_MS + 8 * HOUR_MS]
    assert rates.tolist() == [10_000, -5_000]


def test_real_files_of_candles_and_funding_come_in_together(store: CandleStore) -> None:
    files = (real_file("candles/ETHUSDT_1h_futures.parquet"), real_file("funding/ETHUSDT_funding_futures.parquet"))
    market = StoredMarket(exchange="binanceusdm", symbol="ETHUSDT", timeframe=Timeframe.H1, kind="futures")
    candles, funding = bring(store, *files, market=market)
    assert stored(store, market).tobytes() == real_candles("ETHUSDT_1h_futures").tobytes()
    assert (candles.planned.notes, len(funding.planned.rows), funding.appended.added) == ((), 6128, 6128)


def test_the_two_real_off_grid_minutes_are_left_out_with_a_note(store: CandleStore) -> None:
    path = real_file("candles/BTCUSDT_1m_spot.parquet")
    market = StoredMarket(exchange="binance", symbol="BTCUSDT", timeframe=Timeframe.M1, kind="spot")
    (report,) = bring(store, path, market=market)
    assert len(report.planned.rows) == 153_446
    assert any("2020-02-19 11:34:32" in note and "2020-03-04 09:20:46" in note for note in report.planned.notes)


def test_a_time_zone_that_is_no_text_is_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-1h.feather"
    made = hours(30)
    table = pa.table({name: made[:, place] for place, name in enumerate(("open", "high", "low", "close", "volume"), 1)})
    opens = pa.array(made[:, 0].astype(np.int64), pa.timestamp("ms", "Etc/UTC"))
    pa.feather.write_feather(table.append_column("date", opens), path, compression="uncompressed")
    path.write_bytes(path.read_bytes().replace(b"Etc/UTC", b"\xd5tc/UTC"))
    with pytest.raises(BadInput, match="truncated or damaged"):
        sheets(path, Options())
