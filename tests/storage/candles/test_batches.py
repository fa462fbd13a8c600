"""Imports as batches: listed with their files, undone, replaced, inherited; a redenomination adjusted and undone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from storage.candles.importing.batches import Batches
from storage.candles.importing.importer import Imported, store_plan
from storage.candles.importing.plan import plan_import
from storage.candles.importing.sheet import Options
from storage.candles.importing.undo import adjust, delete_batch
from storage.candles.importing.whose import Wanted
from storage.candles.rows import Source
from storage.candles.store import CandleStore, StoredMarket
from strategies.errors import BadInput
from strategies.market import DAY_MS, HOUR_MS, Timeframe
from tests.storage.candles.candle_builders import START_MS, hours, walk
from tests.storage.candles.file_shapes import feather, lines, vision, zipped

NOW_MS = START_MS + 400 * DAY_MS
KEY = ("binance", "BTCUSDT", "1h", "futures")


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    return CandleStore(tmp_path / "historical")


def bring(store: CandleStore, path: Path, candles: np.ndarray, at_ms: int, *, replace: bool = False) -> Imported:
    path.write_text(lines(candles))
    plan = plan_import([path], "binance", Wanted(symbol="BTCUSDT"), Options(), NOW_MS)
    (report,) = store_plan(store, plan.parts, at_ms, replace_stored=replace)
    return report


def stored(store: CandleStore) -> np.ndarray:
    return store.read(*KEY).candles


def undo(store: CandleStore, report: Imported) -> tuple[int, int]:
    assert report.batch is not None
    return delete_batch(store, "binance", report.batch)


def test_a_deleted_batch_takes_its_rows_along_and_leaves_the_others(store: CandleStore, tmp_path: Path) -> None:
    first = bring(store, tmp_path / "a.csv", walk(40)[:24], 1)
    second = bring(store, tmp_path / "b.csv", walk(40)[20:], 2)
    assert [batch.files[0].rpartition("/")[2] for batch in Batches(store.root, "binance").all()] == ["a.csv", "b.csv"]
    assert undo(store, first) == (20, 0)
    assert stored(store).tobytes() == walk(40)[20:].tobytes()  # rows 20 to 23 came with both: the second keeps them
    assert undo(store, second) == (20, 0)
    assert len(stored(store)) == 0
    assert Batches(store.root, "binance").all() == []


def test_another_market_on_the_same_bars_is_refused_and_replaces_when_asked(store: CandleStore, tmp_path: Path) -> None:
    wrong = walk(40, seed=2)
    bring(store, tmp_path / "wrong.csv", wrong, 1)
    with pytest.raises(BadInput, match=r"40 of 40 candles .* differ from those stored .* wrong\.csv.*--replace"):
        bring(store, tmp_path / "right.csv", walk(40), 2)
    right = bring(store, tmp_path / "right.csv", walk(40), 3, replace=True)
    assert stored(store).tobytes() == walk(40).tobytes()
    assert undo(store, right) == (0, 40)
    assert stored(store).tobytes() == wrong.tobytes()


def test_a_batch_that_was_replaced_can_go_first(store: CandleStore, tmp_path: Path) -> None:
    wrong = bring(store, tmp_path / "wrong.csv", walk(40, seed=2), 1)
    right = bring(store, tmp_path / "right.csv", walk(40), 2, replace=True)
    undo(store, wrong)
    assert stored(store).tobytes() == walk(40).tobytes()
    undo(store, right)
    assert len(stored(store)) == 0


def test_a_few_revised_candles_are_kept_out_and_said(store: CandleStore, tmp_path: Path) -> None:
    bring(store, tmp_path / "a.csv", walk(500)[:400], 1)
    revised = walk(500)
    revised[7, 5] += 1
    report = bring(store, tmp_path / "b.csv", revised, 2)
    assert (report.appended.added, list(report.appended.revisions)) == (100, [START_MS + 7 * HOUR_MS])
    assert stored(store)[7].tobytes() == walk(500)[7].tobytes()


def test_the_same_file_again_is_the_same_batch(store: CandleStore, tmp_path: Path) -> None:
    first = bring(store, tmp_path / "a.csv", walk(40), 1)
    again = bring(store, tmp_path / "a.csv", walk(40), 2)
    assert first.batch is not None
    assert again.batch is not None
    assert (again.batch.id, again.appended.added, again.appended.identical) == (first.batch.id, 0, 40)
    assert undo(store, again) == (40, 0)


def test_made_up_candles_come_back_when_the_import_goes(store: CandleStore, tmp_path: Path) -> None:
    store.append(*KEY, hours(0, 1), Source.REPAIRED)
    real = hours(0, 1, 2)
    real[:, 5] += 1
    report = bring(store, tmp_path / "a.csv", real, 1)
    undo(store, report)
    rows = store.read(*KEY)
    assert rows.candles.tobytes() == hours(0, 1).tobytes()
    assert rows.source.tolist() == [Source.REPAIRED, Source.REPAIRED]


def test_a_redenomination_is_adjusted_to_the_last_digit_and_undone(store: CandleStore, tmp_path: Path) -> None:
    candles = np.round(walk(40), 3)
    old = candles.copy()
    old[:20, 1:5] = np.round(old[:20, 1:5] / 1000, 6)
    old[:20, 5] = np.round(old[:20, 5] * 1000)
    bring(store, tmp_path / "old.csv", old, 1)
    market = StoredMarket(exchange="binance", symbol="BTCUSDT", timeframe=Timeframe.H1, kind="futures")
    batch = adjust(store, market, 1000.0, START_MS + 20 * HOUR_MS, 2)
    np.testing.assert_array_equal(stored(store), candles)
    assert delete_batch(store, "binance", batch) == (0, 20)
    assert stored(store).tobytes() == old.tobytes()


def test_a_whole_freqtrade_folder_comes_in_and_says_what_it_left_aside(store: CandleStore, tmp_path: Path) -> None:
    folder = tmp_path / "user_data" / "data" / "binance" / "futures"
    folder.mkdir(parents=True)
    for name in ("BTC_USDT_USDT-1h-futures", "ETH_USDT_USDT-1h-futures", "BTC_USDT_USDT-1h-mark"):
        feather(np.round(walk(40), 2))(folder / f"{name}.feather")
    feather(np.round(walk(40, Timeframe.M5), 2))(folder / "BTC_USDT_USDT-3m-futures.feather")
    plan = plan_import([tmp_path / "user_data"], "binance", Wanted(), Options(), NOW_MS)
    assert [str(part.market) for part in plan.parts] == ["binance:BTCUSDT:1h:futures", "binance:ETHUSDT:1h:futures"]
    assert [line.partition(": ")[2] for line in plan.left_aside] == [
        "mark prices, not trades",
        "3m candles are not stored",
    ]


def test_a_binance_vision_tree_is_one_series(store: CandleStore, tmp_path: Path) -> None:
    candles = np.round(walk(24 * 40), 2)
    folder = tmp_path / "data" / "futures" / "um" / "monthly" / "klines" / "BTCUSDT" / "1h"
    folder.mkdir(parents=True)
    for name, rows in (("BTCUSDT-1h-2024-06", candles[:720]), ("BTCUSDT-1h-2024-07", candles[720:])):
        (folder / f"{name}.zip").write_bytes(zipped(**{name: vision(rows)}))
    (part,) = plan_import([tmp_path / "data"], "binance", Wanted(), Options(), NOW_MS).parts
    assert (str(part.market), len(part.lines)) == ("binance:BTCUSDT:1h:futures", 2)
    np.testing.assert_array_equal(part.rows[:, :5], candles[:, :5])


def test_freqtrades_hdf5_comes_in(tmp_path: Path) -> None:
    pytest.importorskip("tables")
    import pandas

    candles = np.round(walk(40), 2)
    names = ["open", "high", "low", "close", "volume"]
    frame = pandas.DataFrame({"date": pandas.to_datetime(candles[:, 0], unit="ms", utc=True)})
    frame[names] = candles[:, 1:]
    path = tmp_path / "BTC_USDT-1h.h5"
    frame.to_hdf(path, key="BTC/USDT/ohlcv/tf_1h", mode="w", format="table", data_columns=["date", *names])
    (part,) = plan_import([path], "binance", Wanted(), Options(), NOW_MS).parts
    assert str(part.market) == "binance:BTCUSDT:1h:spot"
    np.testing.assert_array_equal(part.rows, candles)


def jesse_rows(candles: np.ndarray) -> str:
    """Return what Jesse's research tools save: time, open, close, high, low, volume."""
    return "".join(f"{r[0]:.0f},{r[1]},{r[4]},{r[2]},{r[3]},{r[5]}\n" for r in candles)


def test_a_jesse_folder_comes_in_market_by_market_and_kind_by_kind(store: CandleStore, tmp_path: Path) -> None:
    folder = tmp_path / "storage" / "candles"
    minutes, others = walk(600, Timeframe.M1), walk(600, Timeframe.M1, seed=2)
    for place, name, candles in (
        ("Binance Perpetual Futures", "BTC-USDT", minutes),
        ("Binance Perpetual Futures", "ETH-USDT", others),
        ("Binance Spot", "BTC-USDT", others),
    ):
        (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / place / f"{name}.csv").write_text(jesse_rows(candles))
    (folder / "strategies").mkdir()
    (folder / "strategies" / "notes.md").write_text("mine")
    plan = plan_import([folder], "binance", Wanted(), Options(), NOW_MS)
    reports = store_plan(store, plan.parts, NOW_MS)
    assert {str(part.planned.market) for part in reports} == {
        "binance:BTCUSDT:1m:futures",
        "binance:ETHUSDT:1m:futures",
        "binance:BTCUSDT:1m:spot",
    }
    np.testing.assert_array_equal(store.read("binance", "BTCUSDT", "1m", "futures").candles, minutes)
    np.testing.assert_array_equal(store.read("binance", "BTCUSDT", "1m", "spot").candles, others)


def test_one_market_from_folders_of_two_exchanges_is_refused(tmp_path: Path) -> None:
    for place in ("Binance Perpetual Futures", "Bybit USDT Perpetual"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "BTC-USDT.csv").write_text(jesse_rows(walk(60, Timeframe.M1)))
    with pytest.raises(BadInput, match="folders of 2 exchanges, binance, bybit"):
        plan_import([tmp_path], "binance", Wanted(), Options(), NOW_MS)
