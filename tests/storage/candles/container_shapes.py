"""Bytes around candles: tables of every kind and compression, and files that hold something else."""

from __future__ import annotations

import bz2
import decimal
import io
import json
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq

from strategies.market import HOUR_MS
from tests.storage.candles.file_shapes import HOURS, Shape, lines, packed, table, text, zipped

PLAIN = lines(HOURS)
NAMES = ("open", "high", "low", "close", "volume")
COLUMNS = table(HOURS)


def stored(made: pa.Table, **options: object) -> Callable[[Path], None]:
    return lambda path: pq.write_table(made, path, **options)


def frame() -> object:
    import pandas

    made = pandas.DataFrame(HOURS[:, 1:], columns=list(NAMES))
    made.index = pandas.to_datetime(HOURS[:, 0], unit="ms", utc=True)
    return made


def with_column(name: str, values: pa.Array) -> pa.Table:
    return COLUMNS.append_column(name, values)


def replaced(name: str, values: pa.Array) -> pa.Table:
    return COLUMNS.set_column(COLUMNS.column_names.index(name), name, values)


def decimals() -> pa.Table:
    made = COLUMNS
    for place, name in enumerate(NAMES, 1):
        values = [decimal.Decimal(str(v)) for v in HOURS[:, place].tolist()]
        made = made.set_column(place, name, pa.array(values, pa.decimal128(20, 8)))
    return made


def nested() -> pa.Table:
    candle = pa.StructArray.from_arrays([COLUMNS[name].combine_chunks() for name in NAMES], list(NAMES))
    return pa.table({"timestamp": HOURS[:, 0].astype(np.int64), "symbol": ["BTCUSDT"] * 48, "candle": candle})


def listed() -> pa.Table:
    return pa.table({"timestamp": HOURS[:, 0].astype(np.int64), "ohlcv": [row[1:].tolist() for row in HOURS]})


def time_column(values: pa.Array) -> pa.Table:
    return replaced("date", values)


def stream(path: Path) -> None:
    with pa.ipc.new_stream(path, COLUMNS.schema) as sink:
        sink.write_table(COLUMNS)


def zstandard(content: str) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packed_to:
        packed_to.write(content.encode())
    return bytes(sink.getvalue())


def tarred(mode: str = "w:gz", **members: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            entry = tarfile.TarInfo(f"{name}.csv")
            entry.size = len(content.encode())
            archive.addfile(entry, io.BytesIO(content.encode()))
    return buffer.getvalue()


def array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, HOURS[:, [0, 1, 4, 2, 3, 5]])


def pandas_json(orient: str) -> str:
    made = frame().reset_index(names="date") if orient in ("records", "columns", "split") else frame()  # type: ignore[attr-defined]
    return str(made.to_json(orient=orient, date_format="iso", double_precision=10))


def json_lines() -> str:
    return "".join(
        json.dumps({"timestamp": int(r[0]), **dict(zip(NAMES, r[1:].tolist(), strict=True))}) + "\n" for r in HOURS
    )


def trades(header: str = "") -> str:
    rng = np.random.default_rng(3)
    rows = [
        f"{4_000_000 + n},{100 + rng.normal():.2f},{rng.uniform(0, 1):.3f},{rng.uniform(10, 99):.4f},{1_717_200_000_000 + 700 * n},{'true' if n % 2 else 'false'},true"
        for n in range(60)
    ]
    return (header + "\n" if header else "") + "\n".join(rows) + "\n"


def aggregated() -> str:
    rng = np.random.default_rng(4)
    return "".join(
        f"{n},{100 + rng.normal():.2f},{rng.uniform(0, 1):.3f},{n},{n + 1},{1_717_200_000_000 + 700 * n},true\n"
        for n in range(60)
    )


def book() -> str:
    rng = np.random.default_rng(5)
    body = []
    for n in range(60):
        bid = 100 + rng.normal()
        body.append(
            f"{9_000 + n},{bid:.2f},{rng.uniform(0, 5):.3f},{bid + 0.01:.2f},{rng.uniform(0, 5):.3f},{1_717_200_000_000 + n * 60_000},{1_717_200_000_001 + n * 60_000}"
        )
    return "\n".join(body) + "\n"


def depth() -> str:
    rng = np.random.default_rng(6)
    head = "timestamp,asks[0].price,asks[0].amount,bids[0].price,bids[0].amount,asks[1].price,asks[1].amount"
    body = [
        f"{1_717_200_000_000 + n * 60_000},{100.1 + rng.normal():.2f},1,{100 + rng.normal():.2f},2,101,3"
        for n in range(60)
    ]
    return "\n".join([head, *body]) + "\n"


def marked(count: int = 3600) -> str:
    """Return what Binance Vision's mark price archive holds: klines without volume, of a price a second."""
    return "".join(
        f"{r[0]:.0f},{r[1]},{r[2]},{r[3]},{r[4]},0,{r[0] + HOUR_MS - 1:.0f},0,{count},0,0,0\n" for r in HOURS
    )


def wide_yfinance() -> str:
    fields = ("Close", "High", "Low", "Open", "Volume")
    heads = [
        "Price," + ",".join(f for f in fields for _ in range(2)),
        "Ticker" + ",BTC-USD,ETH-USD" * 5,
        "Date" + "," * 10,
    ]
    body = [
        f"{np.datetime64(int(r[0]), 'ms').astype('datetime64[s]')},"
        + ",".join(f"{r[p]},{r[p] / 20}" for p in (4, 2, 3, 1, 5))
        for r in HOURS
    ]
    return "\n".join([*heads, *body]) + "\n"


def two_headed(*markets: str) -> Callable[[Path], None]:
    """Write what yfinance gives and pandas keeps as parquet: a pair of names a column."""
    import pandas

    columns = {
        (title, market): HOURS[:, place]
        for market in markets
        for place, title in enumerate(("Open", "High", "Low", "Close", "Volume"), 1)
    }
    made = pandas.DataFrame(columns, index=pandas.to_datetime(HOURS[:, 0], unit="ms", utc=True).rename("Datetime"))
    return lambda path: made.to_parquet(path)


UTC_TIMES = pa.array(HOURS[:, 0].astype(np.int64)).cast(pa.timestamp("ms", tz="UTC"))
TAKEN = [
    Shape(name="index.parquet", write=lambda path: frame().to_parquet(path), taken=HOURS),  # type: ignore[attr-defined]
    Shape(name="index_feather.feather", write=lambda path: frame().reset_index(names="date").to_feather(path), taken=HOURS),  # type: ignore[attr-defined]
    Shape(name="new_york.parquet", write=stored(time_column(UTC_TIMES.cast(pa.timestamp("ns", tz="America/New_York")))), taken=HOURS),
    Shape(name="nanoseconds.parquet", write=stored(time_column(UTC_TIMES.cast(pa.timestamp("ns")))), taken=HOURS),
    Shape(name="ns_numbers.parquet", write=stored(time_column(pa.array(HOURS[:, 0].astype(np.int64) * 1_000_000))), taken=HOURS),
    Shape(name="float_seconds.parquet", write=stored(time_column(pa.array(HOURS[:, 0] / 1000))), taken=HOURS),
    Shape(name="text_times.parquet", write=stored(time_column(pa.array([str(int(t)) for t in HOURS[:, 0]]))), taken=HOURS),
    Shape(name="coded_times.parquet", write=stored(time_column(pa.array([str(int(t)) for t in HOURS[:, 0]]).dictionary_encode())), taken=HOURS),
    Shape(name="category.parquet", write=stored(with_column("symbol", pa.array(["BTC/USDT"] * 48).dictionary_encode())), taken=HOURS, symbol=""),
    Shape(name="decimals.parquet", write=stored(decimals()), taken=HOURS),
    Shape(name="coded_prices.parquet", write=stored(replaced("close", pa.array(HOURS[:, 4]).dictionary_encode())), taken=HOURS),
    Shape(name="large_text.parquet", write=stored(replaced("close", pa.array([repr(v) for v in HOURS[:, 4].tolist()], pa.large_string()))), taken=HOURS),
    Shape(name="binary_text.parquet", write=stored(replaced("close", pa.array([repr(v).encode() for v in HOURS[:, 4].tolist()]))), taken=HOURS),
    Shape(name="nested.parquet", write=stored(nested()), taken=HOURS, symbol=""),
    Shape(name="brotli.parquet", write=stored(COLUMNS, compression="brotli", row_group_size=7), taken=HOURS),
    Shape(name="old.feather", write=lambda path: pa.feather.write_feather(table(HOURS), path, version=1), taken=HOURS),
    Shape(name="packed.feather", write=lambda path: pa.feather.write_feather(COLUMNS, path, compression="lz4"), taken=HOURS),
    Shape(name="stream.arrow", write=stream, taken=HOURS),
    Shape(name="candles.csv.bz2", write=text(bz2.compress(PLAIN.encode())), taken=HOURS),
    Shape(name="candles.csv.xz", write=text(lzma.compress(PLAIN.encode())), taken=HOURS),
    Shape(name="candles.csv.zst", write=text(zstandard(PLAIN)), taken=HOURS),
    Shape(name="candles.tar", write=text(tarred("w", a=PLAIN)), taken=HOURS),
    Shape(name="months.tar.gz", write=text(tarred(a=lines(HOURS[:20]), b=lines(HOURS[20:]))), taken=HOURS),
    Shape(name="zip_in_zip.zip", write=text(zipped(a=PLAIN)), taken=HOURS),
    Shape(name="candles.npy", write=array, taken=HOURS),
    Shape(name="lines.jsonl", write=text(json_lines()), taken=HOURS),
    Shape(name="list_lines.json", write=text("".join(json.dumps([int(r[0]), *r[1:].tolist()]) + "\n" for r in HOURS)), taken=HOURS),
    Shape(name="records.json", write=text(pandas_json("records")), taken=HOURS),
    Shape(name="columns.json", write=text(pandas_json("columns")), taken=HOURS),
    Shape(name="split.json", write=text(pandas_json("split")), taken=HOURS),
    Shape(name="index.json", write=text(pandas_json("index")), taken=HOURS),
    Shape(name="marked.json", write=text("\ufeff" + json.dumps([[int(r[0]), *r[1:].tolist()] for r in HOURS])), taken=HOURS),
    Shape(name="wide_yfinance.csv", write=text(wide_yfinance()), taken=HOURS, symbol="BTCUSD"),
    Shape(name="yfinance.parquet", write=two_headed("BTC-USD"), taken=HOURS, symbol="BTCUSD"),
]  # fmt: skip
REFUSED = [
    Shape(name="two_markets.parquet", write=two_headed("BTC-USD", "ETH-USD"), said="2 markets"),
    Shape(name="listed.parquet", write=stored(listed()), said="ohlcv"),
    Shape(name="no_rows.parquet", write=stored(COLUMNS.slice(0, 0)), said="has no rows"),
    Shape(name="cut.parquet", write=lambda path: (pq.write_table(COLUMNS, path), path.write_bytes(path.read_bytes()[:-40]))[0], said="truncated"),
    Shape(name="half_gz.csv.gz", write=text(packed(PLAIN)[: len(packed(PLAIN)) // 2]), said="truncated"),
    Shape(name="half.csv.zst", write=text(zstandard(PLAIN)[:-200]), said="truncated"),
    Shape(name="half.tar.gz", write=text(tarred(a=PLAIN)[:-200]), said="truncated"),
    Shape(name="empty.csv.gz", write=text(packed("")), said="empty"),
    Shape(name="blank.csv", write=text("\n\n  \n"), said="is empty"),
    Shape(name="mark_only.csv", write=text("\ufeff"), said="is empty"),
    Shape(name="s3.csv", write=text('<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code></Error>'), said="web page"),
    Shape(name="page.csv", write=text("\n\n<html><head></head><body>403 Forbidden</body></html>"), said="web page"),
    Shape(name="pointer.csv", write=text("version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 123\n"), said="Git LFS"),
    Shape(name="candles.pkl", write=text(b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00]"), said="pickle"),
    Shape(name="candles.7z", write=text(b"7z\xbc\xaf\x27\x1c" + bytes(40)), said="7-Zip"),
    Shape(name="candles.rar", write=text(b"Rar!\x1a\x07\x01\x00" + bytes(40)), said="RAR"),
    Shape(name="candles.orc", write=text(b"ORC" + bytes(40)), said="ORC"),
    Shape(name="BTCUSDT-trades-2024-06.csv", write=text(trades()), said="trades"),
    Shape(name="trades_named.csv", write=text(trades("id,price,qty,quote_qty,time,is_buyer_maker,is_best_match")), said="trades"),
    Shape(name="unnamed_trades.csv", write=text(trades()), said="no header"),
    Shape(name="BTCUSDT-aggTrades-2024-06.csv", write=text(aggregated()), said="trades"),
    Shape(name="unnamed_aggregated.csv", write=text(aggregated()), said="no header"),
    Shape(name="kraken_trades.csv", write=text("".join(f"{1717200000 + n},{100 + n / 7:.1f},{0.01 * n:.4f}\n" for n in range(60))), said="a time and four prices"),
    Shape(name="BTCUSDT-bookTicker-2024-06.csv", write=text(book()), said="order book"),
    Shape(name="unnamed_book.csv", write=text(book()), said="no header"),
    Shape(name="depth.csv", write=text(depth()), said="order book"),
    Shape(name="BTCUSDT-metrics-2024-06-01.csv", write=text("create_time,symbol,sum_open_interest,sum_open_interest_value,count_long_short_ratio\n2024-06-01 00:05:00,BTCUSDT,1,2,3\n"), said="open interest"),
    Shape(name="open_interest_BTCUSDT_1h.csv", write=text(lines(HOURS)), said="open interest"),
    Shape(name="BTCUSDT_funding_ohlc_1h.json", write=text(json.dumps([{"t": int(r[0]), "o": 1e-4, "h": 2e-4, "l": 1e-5, "c": 1e-4} for r in HOURS])), said=""),
    Shape(name="BTCUSDT-1h-2024-07.csv", write=text(marked()), said="mark or index prices"),
    Shape(name="BTCUSDT-markPriceKlines-1h-2024-06.csv", write=text(marked()), said="mark prices"),
    Shape(name="BTC-USDT-SWAP_mark-price-candles_1H.csv", write=text(PLAIN), said="mark prices"),
    Shape(name="premium_index_BTCUSDT_1h.csv", write=text(PLAIN), said="premium"),
    Shape(name="wide_yfinance.csv", write=text(wide_yfinance()), said="--symbol", symbol=""),
]  # fmt: skip
