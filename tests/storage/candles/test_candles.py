"""The candle store: round trip, idempotence, the first value is the truth, bad files named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.candles.store import CandleStore, Source, StoredCandles, content_hash
from strategies.errors import BadInput, StorageFailed
from strategies.market import DAY_MS, HOUR_MS, Timeframe
from tests.storage.candles.candle_builders import START_MS, hours, real_candles, walk

BTC = ("builtin", "BTCUSDT", Timeframe.H1, "futures")


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    return CandleStore(tmp_path)


def test_candles_come_back_bit_for_bit(store: CandleStore) -> None:
    candles = walk(24 * 70)
    appended = store.append(*BTC, candles, Source.BACKFILLED)
    stored = store.read(*BTC)
    assert appended.added == len(candles)
    assert stored.candles.tobytes() == candles.tobytes()
    assert set(stored.source) == {Source.BACKFILLED}


def test_a_file_holds_one_utc_month(store: CandleStore, tmp_path: Path) -> None:
    store.append(*BTC, walk(24 * 70))
    folder = tmp_path / "builtin" / "BTCUSDT_1h_futures"
    assert sorted(path.name for path in folder.glob("*.parquet")) == [
        "2024-06.parquet",
        "2024-07.parquet",
        "2024-08.parquet",
    ]
    june = pq.read_table(folder / "2024-06.parquet")
    assert june.column_names == ["open_ms", "open", "high", "low", "close", "volume", "source"]
    assert june.num_rows == 720
    assert june.column("source").to_pylist()[0] == "real"


def test_a_range_is_half_open(store: CandleStore) -> None:
    store.append(*BTC, walk(24 * 70))
    start, end = START_MS + 29 * DAY_MS, START_MS + 31 * DAY_MS
    open_ms = store.read(*BTC, start, end).open_ms
    assert (open_ms[0], open_ms[-1], len(open_ms)) == (start, end - HOUR_MS, 48)


def test_nothing_stored_reads_as_no_candles(store: CandleStore) -> None:
    assert len(store.read(*BTC)) == 0
    assert store.coverage(*BTC).rows == 0
    assert store.markets("builtin") == []


def test_appending_again_changes_no_byte(store: CandleStore, tmp_path: Path) -> None:
    candles = walk(24 * 40)
    store.append(*BTC, candles)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    appended = store.append(*BTC, candles)
    assert (appended.added, appended.identical, len(appended.revisions)) == (0, len(candles), 0)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")} == files


def test_a_later_revision_is_kept_out_and_reported(store: CandleStore) -> None:
    store.append(*BTC, hours(0, 1, 2))
    revised = hours(1, 2, 3)
    revised[0, 5] += 1
    appended = store.append(*BTC, revised)
    assert appended.revisions.tolist() == [START_MS + HOUR_MS]
    assert (appended.added, appended.identical) == (1, 1)
    assert store.read(*BTC).candles.tolist() == hours(0, 1, 2, 3).tolist()


def test_a_measured_candle_replaces_a_made_up_one(store: CandleStore) -> None:
    made_up = hours(1)
    made_up[:, 1:5], made_up[:, 5] = 100.0, 0.0
    store.append(*BTC, made_up, Source.REPAIRED)
    appended = store.append(*BTC, hours(0, 1))
    assert (appended.added, appended.replaced, len(appended.revisions)) == (1, 1, 0)
    stored = store.read(*BTC)
    assert stored.candles.tolist() == hours(0, 1).tolist()
    assert stored.source.tolist() == [Source.REAL, Source.REAL]


def test_exchanges_never_meet(store: CandleStore) -> None:
    store.append("builtin", *BTC[1:], hours(0))
    store.append("binanceusdm", *BTC[1:], hours(1))
    assert store.exchanges() == ["binanceusdm", "builtin"]
    assert store.read("builtin", *BTC[1:]).open_ms.tolist() == [START_MS]
    assert [str(market) for market in store.markets("builtin")] == ["builtin:BTCUSDT:1h:futures"]


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        (4, np.nan, "impossible"),
        (3, -1.0, "impossible"),
        (2, 1.0, "impossible"),
        (5, -0.5, "impossible"),
        (0, START_MS + 1, "off the 1h grid"),
        (0, START_MS + 5 * HOUR_MS, "do not ascend"),
    ],
)
def test_an_impossible_candle_is_refused_and_nothing_written(
    store: CandleStore, column: int, value: float, said: str
) -> None:
    candles = hours(0, 1, 2)
    candles[1, column] = value
    with pytest.raises(BadInput, match=said):
        store.append(*BTC, candles)
    assert store.coverage(*BTC).rows == 0


@pytest.mark.parametrize("name", ["../evil", "", "a/b", ".hidden", "a_b"])
def test_a_name_that_is_no_folder_name_is_refused(store: CandleStore, name: str) -> None:
    with pytest.raises(BadInput, match="is not a name"):
        store.read(name, *BTC[1:])


@pytest.mark.parametrize("damage", ["empty", "truncated", "text", "columns", "other market", "null"])
def test_a_damaged_file_is_named(store: CandleStore, tmp_path: Path, damage: str) -> None:
    store.append(*BTC, hours(0, 1, 2))
    path = tmp_path / "builtin" / "BTCUSDT_1h_futures" / "2024-06.parquet"
    match damage:
        case "empty":
            path.write_bytes(b"")
        case "truncated":
            path.write_bytes(path.read_bytes()[:-20])
        case "text":
            path.write_text("<html>maintenance</html>")
        case "columns":
            pq.write_table(pa.table({"time": [1], "price": [2.0]}), path)
        case "other market":
            other = CandleStore(tmp_path / "other")
            other.append("builtin", "ETHUSDT", Timeframe.H1, "futures", hours(0))
            path.write_bytes((tmp_path / "other/builtin/ETHUSDT_1h_futures/2024-06.parquet").read_bytes())
        case "null":
            table = pq.read_table(path)
            pq.write_table(table.set_column(1, "open", pa.array([None, 1.0, 1.0], pa.float64())), path)
    with pytest.raises(StorageFailed, match=r"2024-06\.parquet"):
        store.read(*BTC)
    with pytest.raises(StorageFailed, match=r"2024-06\.parquet"):
        store.append(*BTC, hours(3))


def test_duplicates_put_into_a_file_by_hand_are_never_read(store: CandleStore, tmp_path: Path) -> None:
    store.append(*BTC, hours(0, 1, 2))
    path = tmp_path / "builtin" / "BTCUSDT_1h_futures" / "2024-06.parquet"
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table, table.slice(2, 1)]), path)
    with pytest.raises(StorageFailed, match="do not ascend"):
        store.read(*BTC)


def test_the_content_hash_knows_rows_not_files(tmp_path: Path) -> None:
    candles = walk(24 * 40)
    at_once, in_pieces = CandleStore(tmp_path / "a"), CandleStore(tmp_path / "b")
    at_once.append(*BTC, candles)
    for piece in np.array_split(candles, 7)[::-1]:
        in_pieces.append(*BTC, piece)
    assert at_once.content_hash(*BTC) == in_pieces.content_hash(*BTC)
    assert at_once.content_hash(*BTC, START_MS + HOUR_MS) != at_once.content_hash(*BTC)
    changed = candles.copy()
    changed[5, 4] = np.nextafter(changed[5, 4], 0)
    source = np.zeros(len(candles), np.uint8)
    assert content_hash(StoredCandles(candles=changed, source=source)) != at_once.content_hash(*BTC)


@settings(max_examples=25, deadline=None)
@given(
    pieces=st.lists(
        st.lists(st.integers(0, 1500), min_size=1, max_size=20, unique=True).map(sorted), min_size=1, max_size=5
    )
)
def test_any_order_of_appends_gives_the_union(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[list[int]]
) -> None:
    store = CandleStore(tmp_path_factory.mktemp("union"))
    history = walk(1501)
    for piece in pieces:
        appended = store.append(*BTC, history[piece])
        assert not len(appended.revisions)
        assert appended.added + appended.identical == len(piece)
    union = sorted({row for piece in pieces for row in piece})
    assert store.read(*BTC).candles.tobytes() == history[union].tobytes()


def test_funding_comes_back_on_the_minute(store: CandleStore) -> None:
    times = START_MS + 8 * HOUR_MS * np.arange(200) + 3
    rates = np.arange(-100, 100) * 100
    assert store.append_funding("builtin", "BTCUSDT", times, rates).added == 200
    assert store.append_funding("builtin", "BTCUSDT", times, rates).identical == 200
    stored_times, stored_rates = store.read_funding("builtin", "BTCUSDT", START_MS + HOUR_MS)
    assert stored_times[0] == START_MS + 8 * HOUR_MS
    assert stored_rates.tolist() == rates[1:].tolist()
    revised = store.append_funding("builtin", "BTCUSDT", times[:1], rates[:1] + 1)
    assert revised.revisions.tolist() == [START_MS]


def test_an_impossible_funding_rate_is_refused(store: CandleStore) -> None:
    with pytest.raises(BadInput, match="within"):
        store.append_funding("builtin", "BTCUSDT", np.array([START_MS]), np.array([200_000_000]))


def test_real_history_comes_back_bit_for_bit(store: CandleStore) -> None:
    candles = real_candles("BTCUSDT_1h_futures")
    store.append("binanceusdm", "BTCUSDT", "1h", "futures", candles)
    assert store.read("binanceusdm", "BTCUSDT", "1h", "futures").candles.tobytes() == candles.tobytes()
    span = store.coverage("binanceusdm", "BTCUSDT", "1h", "futures")
    assert (span.rows, span.first_ms, span.last_ms) == (len(candles), candles[0, 0], candles[-1, 0])
