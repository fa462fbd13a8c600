"""Every usual shape of a candle file is taken exactly, asks for the one option that decides, or is refused truly."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from storage.candles.importing import delimited
from storage.candles.importing.plan import Plan, plan_import
from storage.candles.importing.sheet import Options
from storage.candles.importing.whose import Wanted
from strategies.errors import BadInput
from strategies.market import DAY_MS, HOUR_MS, MINUTE_MS
from tests.storage.candles import container_shapes, time_shapes, vendor_shapes
from tests.storage.candles.file_shapes import (
    DAYS,
    HOURS,
    MINUTES,
    START_MS,
    VISION_HEADER,
    Shape,
    as_json,
    comma,
    feather,
    form,
    joined,
    lines,
    packed,
    parquet,
    text,
    vision,
    with_value,
    without,
    zipped,
)

NOW_MS = START_MS + 400 * DAY_MS
ISO = "%Y-%m-%d %H:%M:%S"
PLAIN = lines(HOURS)
WHOLE = np.column_stack([HOURS[:, :5], np.floor(HOURS[:, 5])])
TINY = np.column_stack(
    [HOURS[:, 0], np.array([[float(f"{v:.2f}e-11") for v in row] for row in HOURS[:, 1:5]]), HOURS[:, 5]]
)
BIG = np.column_stack([HOURS[:, 0], np.round(HOURS[:, 1:5] * 500, 2), np.round(HOURS[:, 5] * 1000)])
SPRING = HOURS.copy()  # 2024-03-30 to 31 in Berlin
SPRING[:, 0] = 1_711_756_800_000 + HOUR_MS * np.arange(len(HOURS))
AUTUMN = HOURS.copy()
AUTUMN[:, 0] = 1_729_900_800_000 + HOUR_MS * np.arange(len(HOURS))


def berlin(ms: float) -> str:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    return datetime.fromtimestamp(ms / 1000, ZoneInfo("Europe/Berlin")).strftime(ISO)


def grouped(value: float) -> str:
    return f'"{value:,.2f}"'


def cdd(symbol: str, coin: str) -> str:
    head = f"unix,date,symbol,open,high,low,close,Volume {coin},Volume USDT,tradecount"
    body = [
        f"{row[0]:.0f},{form(ISO)(row[0])},{symbol},{row[1]},{row[2]},{row[3]},{row[4]},{row[5]},{row[4] * row[5]:.4f},9"
        for row in HOURS[::-1]
    ]
    return "\n".join([head, *body]) + "\n"


def two_markets() -> str:
    rows = [
        f"{row[0]:.0f},{name},{row[1]},{row[2]},{row[3]},{row[4]},{row[5]}"
        for row in HOURS
        for name in ("BTCUSDT", "ETHUSDT")
    ]
    return "\n".join(["timestamp,symbol,open,high,low,close,volume", *rows]) + "\n"


def yfinance() -> str:
    body = [f"{form('%Y-%m-%d')(row[0])},{row[4]},{row[2]},{row[3]},{row[1]},{row[5]}" for row in DAYS]
    heads = ["Price,Close,High,Low,Open,Volume", "Ticker" + ",BTC-USD" * 5, "Date,,,,,"]
    return "\n".join([*heads, *body]) + "\n"


def yahoo_null() -> str:
    body = [f"{form('%Y-%m-%d')(r[0])},{r[1]},{r[2]},{r[3]},{r[4]},{r[4]},{r[5]}" for r in DAYS]
    body[7] = body[7].split(",")[0] + ",null" * 6
    return "\n".join(["Date,Open,High,Low,Close,Adj Close,Volume", *body]) + "\n"


def kaggle() -> str:
    rows = lines(
        MINUTES,
        "Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency)",
        time=lambda ms: f"{ms / 1000:.0f}",
        after=",1",
    ).split("\n")
    rows[6] = rows[6].split(",")[0] + ",NaN" * 6
    return "\n".join(rows)


def mt5(volume: str = "0") -> str:
    body = [
        f"{form('%Y.%m.%d')(r[0])}\t{form('%H:%M:%S')(r[0])}\t{r[1]}\t{r[2]}\t{r[3]}\t{r[4]}\t{r[5]:.0f}\t{volume}\t20"
        for r in WHOLE
    ]
    return "\r\n".join(["<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>", *body]) + "\r\n"


def excel_days(ms: float) -> str:
    return f"{ms / DAY_MS + 25_569:.6f}"


def option(**changes: object) -> Options:
    return Options(**changes)  # type: ignore[arg-type]


BINANCE = "BTCUSDT-1h-2024-06"
TAKEN = [
    Shape(name="plain.csv", write=text(PLAIN), taken=HOURS),
    Shape(name="seconds.csv", write=text(lines(HOURS, time=lambda ms: f"{ms / 1000:.0f}")), taken=HOURS, said="unix s"),
    Shape(name="micro.csv", write=text(lines(HOURS, time=lambda ms: f"{ms * 1000:.0f}")), taken=HOURS, said="µs"),
    Shape(name="nano.csv", write=text(lines(HOURS, time=lambda ms: f"{int(ms)}000000")), taken=HOURS, said="ns"),
    Shape(name="float_seconds.csv", write=text(lines(HOURS, time=lambda ms: f"{ms / 1000:.1f}")), taken=HOURS),
    Shape(name="iso.csv", write=text(lines(HOURS, "date,open,high,low,close,volume", time=form(ISO))), taken=HOURS, said="as UTC"),
    Shape(name="iso_z.csv", write=text(lines(HOURS, time=form("%Y-%m-%dT%H:%M:%SZ"))), taken=HOURS),
    Shape(name="utc_word.csv", write=text(lines(HOURS, time=form(ISO + " UTC"))), taken=HOURS),
    Shape(name="offset.csv", write=text(lines(HOURS, time=form(ISO + "+05:30", 5.5))), taken=HOURS, said="offsets"),
    Shape(name="german.csv", write=text("\ufeff" + lines(HOURS, "Date;Open;High;Low;Close;Volume", time=form("%d.%m.%Y %H:%M"), sign=";", number=comma, end="\r\n")), taken=HOURS, said="decimal comma"),
    Shape(name="american.csv", write=text(lines(HOURS, "date,open,high,low,close,volume", time=form("%m/%d/%Y %H:%M"))), taken=HOURS, said="month first"),
    Shape(name="british.csv", write=text(lines(HOURS, "date,open,high,low,close,volume", time=form("%d/%m/%Y %H:%M"))), taken=HOURS, said="day first"),
    Shape(name="am_pm.csv", write=text(lines(HOURS, "Date,Open,High,Low,Close,Volume", time=form("%Y-%m-%d %I-%p"))), taken=HOURS),
    Shape(name="am_pm_colon.csv", write=text(lines(HOURS, "Date,Open,High,Low,Close,Volume", time=form("%Y-%m-%d %I:%M %p"))), taken=HOURS),
    Shape(name="words.csv", write=text(lines(DAYS, "Date,Open,High,Low,Close,Volume", time=lambda ms: f'"{form("%b %d, %Y")(ms)}"')), taken=DAYS),
    Shape(name="compact.csv", write=text(lines(DAYS, "Date,Open,High,Low,Close,Volume", time=form("%Y%m%d"))), taken=DAYS),
    Shape(name="compact_minutes.csv", write=text(lines(HOURS, "Date,Open,High,Low,Close,Volume", time=form("%Y%m%d%H%M"))), taken=HOURS),
    Shape(name="excel_days.csv", write=text(lines(HOURS, "date,open,high,low,close,volume", time=excel_days)), taken=HOURS, said="spreadsheet"),
    Shape(name="utf16.csv", write=text(b"\xff\xfe" + PLAIN.encode("utf-16-le")), taken=HOURS),
    Shape(name="utf16_be.csv", write=text(b"\xfe\xff" + PLAIN.replace(",", "\t").encode("utf-16-be")), taken=HOURS),
    Shape(name="mark_crlf.csv", write=text("\ufeff" + PLAIN.replace("\n", "\r\n")), taken=HOURS),
    Shape(name="old_mac.csv", write=text(PLAIN.replace("\n", "\r")), taken=HOURS),
    Shape(name="latin.csv", write=text(b"# prix \xe9\n" + PLAIN.encode()), taken=HOURS, said=""),
    Shape(name="latin_late.csv", write=text(PLAIN.encode() + b"# cl\xf4ture\n"), taken=HOURS, said=""),
    Shape(name="cut_letter.csv", write=text(PLAIN.encode() + "# clô".encode()[:-1]), taken=HOURS, said=""),
    Shape(name="quoted.csv", write=text("\n".join(",".join(f'"{c}"' for c in line.split(",")) for line in PLAIN.strip().split("\n"))), taken=HOURS),
    Shape(name="spaces.csv", write=text(PLAIN.replace(",", ", ")), taken=HOURS),
    Shape(name="aligned.txt", write=text(PLAIN.replace(",", "   ")), taken=HOURS, said="spaces"),
    Shape(name="bars.psv", write=text(PLAIN.replace(",", "|")), taken=HOURS),
    Shape(name="trailing.csv", write=text(lines(HOURS, "timestamp,open,high,low,close,volume,", after=",")), taken=HOURS),
    Shape(name="blank_lines.csv", write=text(PLAIN.replace("\n", "\n\n")), taken=HOURS),
    Shape(name="comments.csv", write=text("# exported by a tool\n# on a day\n" + PLAIN), taken=HOURS),
    Shape(name="thousands.csv", write=text(lines(BIG, number=grouped)), taken=BIG),
    Shape(name="continental.csv", write=text(lines(BIG, sign=";", number=lambda v: f"{v:,.2f}".translate(str.maketrans(",.", ".,")))), taken=BIG),
    Shape(name="short.csv", write=text(lines(WHOLE * np.array([1, 1, 1, 1, 1, 1000]), number=lambda v: f"{v / 1000:g}K" if v >= 1000 else repr(float(v)))), taken=WHOLE * np.array([1, 1, 1, 1, 1, 1000])),
    Shape(name="scientific.csv", write=text(lines(HOURS, number=lambda v: f"{v:.9e}")), taken=HOURS),
    Shape(name="tiny.csv", write=text(lines(TINY, number=lambda v: f"{v:.13f}")), taken=TINY),
    Shape(name="newest_first.csv", write=text(lines(HOURS[::-1])), taken=HOURS),
    Shape(name="cdd_banner.csv", write=text("https://www.CryptoDataDownload.com\n" + cdd("BTC/USDT", "BTC")), taken=HOURS, said="Volume BTC"),
    Shape(name="Binance_BTCUSDT_1h.csv", write=text(cdd("BTCUSDT", "BTC")), taken=HOURS, symbol=""),
    Shape(name="kaggle.csv", write=text(kaggle()), taken=without(MINUTES, 5), said="Volume_(BTC)"),
    Shape(name="yahoo.csv", write=text(yahoo_null()), taken=without(DAYS, 7)),
    Shape(name="yfinance.csv", write=text(yfinance()), taken=DAYS, symbol="BTCUSD"),
    Shape(name="two_columns.csv", write=text(lines(HOURS, "Date,Time,Open,High,Low,Close,Volume", time=form("%Y-%m-%d,%H:%M:%S"))), taken=HOURS),
    Shape(name="metatrader5.csv", write=text(mt5()), taken=WHOLE, said="TICKVOL"),
    Shape(name="metatrader4.csv", write=text(lines(HOURS, "", time=form("%Y.%m.%d,%H:%M"))), taken=HOURS),
    Shape(name="histdata.csv", write=text(lines(HOURS, "", time=form("%Y%m%d %H%M%S"), sign=";")), taken=HOURS),
    Shape(name="bitfinex.csv", write=text(lines(HOURS, "", order=(1, 4, 2, 3, 5))), taken=HOURS, said="close '3'"),
    Shape(name="coinbase.csv", write=text(lines(HOURS[::-1], "", order=(3, 2, 1, 4, 5), time=lambda ms: f"{ms / 1000:.0f}")), taken=HOURS),
    Shape(name="kraken.csv", write=text(lines(HOURS, "", time=lambda ms: f"{ms / 1000:.0f}", after=",17")), taken=HOURS),
    Shape(name="kraken_vwap.json", write=text(json.dumps([[int(r[0]) // 1000, *map(str, r[1:5]), str((r[2] + r[3]) / 2), str(r[5]), 3] for r in HOURS])), taken=HOURS),
    Shape(name=f"{BINANCE}.csv", write=text(vision(HOURS)), taken=HOURS, symbol=""),
    Shape(name=f"{BINANCE}.zip", write=text(zipped(**{BINANCE: VISION_HEADER + vision(HOURS)})), taken=HOURS, symbol=""),
    Shape(name="months.zip", write=text(zipped(a=vision(HOURS[:20]), b=vision(HOURS[20:], 1000))), taken=HOURS),
    Shape(name="concatenated.csv", write=text(joined(VISION_HEADER, vision(HOURS[:20]), VISION_HEADER, vision(HOURS[20:]))), taken=HOURS),
    Shape(name="half_header.csv", write=text(joined(vision(HOURS[:20]), VISION_HEADER, vision(HOURS[20:]))), taken=HOURS),
    Shape(name="units_change.csv", write=text(joined(vision(HOURS[:20]), vision(HOURS[20:], 1000))), taken=HOURS, said="ms then µs"),
    Shape(name="packed.csv.gz", write=text(packed(PLAIN)), taken=HOURS),
    Shape(name="named_wrong.csv", write=text(packed(PLAIN)), taken=HOURS),
    Shape(name="BTC_USDT_USDT-1h-futures.feather", write=feather(HOURS), taken=HOURS, symbol=""),
    Shape(name="BTC_USDT_USDT-1h-futures.json", write=text(as_json(HOURS)), taken=HOURS, symbol=""),
    Shape(name="BTC_USDT_USDT-1h-futures.json.gz", write=text(packed(as_json(HOURS))), taken=HOURS, symbol=""),
    Shape(name="bybit.json", write=text(as_json(HOURS[::-1], wrap=True)), taken=HOURS),
    Shape(name="BTC_USDT-1h.parquet", write=parquet(HOURS), taken=HOURS, symbol="", kind="spot"),
    Shape(name="berlin.parquet", write=parquet(HOURS, zone="Europe/Berlin"), taken=HOURS),
    Shape(name="narrow.parquet", write=parquet(HOURS, kind=pa.float32()), taken=HOURS),
    Shape(name="texts.parquet", write=parquet(HOURS, kind=pa.string()), taken=HOURS),
    Shape(name="unnamed.parquet", write=parquet(HOURS, time_name="__index_level_0__"), taken=HOURS),
    Shape(name="unnamed.csv", write=text(lines(HOURS, ",open,high,low,close,volume", time=form(ISO))), taken=HOURS),
    Shape(name="same_twice.csv", write=text(lines(HOURS, "timestamp,open,high,low,close,volume,Close", order=(1, 2, 3, 4, 5, 4))), taken=HOURS),
    Shape(name="closes.csv", write=text(lines(HOURS, "close_time,open,high,low,close,volume", time=lambda ms: f"{ms + HOUR_MS - 1:.0f}")), taken=HOURS, said="closes"),
    Shape(name="cut.csv", write=text(PLAIN.rstrip().rpartition(",")[0].rpartition(",")[0]), taken=HOURS[:-1], said="cut after 4"),
    Shape(name="rounded.csv", write=text(lines(with_value(5, 2, round(max(HOURS[5, 1], HOURS[5, 4]) - 0.01, 2)))), taken=with_value(5, 2, max(HOURS[5, 1], HOURS[5, 4]))),
    Shape(name="two.csv", write=text(two_markets()), taken=HOURS, symbol="ETHUSDT"),
    Shape(name="naive_berlin.csv", write=text(lines(SPRING, "date,open,high,low,close,volume", time=berlin)), taken=SPRING, options=option(timezone="Europe/Berlin")),
    Shape(name="naive_autumn.csv", write=text(lines(AUTUMN, "date,open,high,low,close,volume", time=berlin)), taken=AUTUMN, options=option(timezone="Europe/Berlin")),
    Shape(name="no_volume.csv", write=text(lines(HOURS, "time,open,high,low,close", order=(1, 2, 3, 4))), taken=HOURS * np.array([1, 1, 1, 1, 1, 0]), options=option(columns={"volume": "none"})),
    Shape(name="twice_last.csv", write=text(PLAIN + lines(with_value(47, 5, 9.0)[-1:], "")), taken=with_value(47, 5, 9.0), options=option(keep="last")),
    Shape(name="bad_dropped.csv", write=text(lines(with_value(9, 4, np.inf))), taken=without(HOURS, 9), options=option(drop_bad=1)),
    Shape(name="sparse.csv", write=text(lines(without(MINUTES, 3, 4, 11, 19, 20, 30))), taken=without(MINUTES, 3, 4, 11, 19, 20, 30)),
    Shape(name="one.csv", write=text(lines(HOURS[:1])), taken=HOURS[:1], timeframe="1h"),
    Shape(name="own_names.csv", write=text(lines(HOURS, "a,b,c,d,e,f")), taken=HOURS, options=option(columns={"time": "a", "open": "b", "high": "c", "low": "d", "close": "e", "volume": "f"})),
]  # fmt: skip
REFUSED = [
    Shape(name="no_volume.csv", write=text(lines(HOURS, "time,open,high,low,close", order=(1, 2, 3, 4))), said="--columns volume=none"),
    Shape(name="twice.csv", write=text(PLAIN + lines(with_value(47, 5, 9.0)[-1:], "")), said="--keep last"),
    Shape(name="bad.csv", write=text(lines(with_value(9, 4, np.inf))), said="--drop-bad 1"),
    Shape(name="zero.csv", write=text(lines(with_value(9, 3, 0.0))), said="not above zero"),
    Shape(name="negative.csv", write=text(lines(with_value(9, 5, -1.0))), said="below zero"),
    Shape(name="naive_berlin.csv", write=text(lines(SPRING, "date,open,high,low,close,volume", time=berlin)), said="--timezone"),
    Shape(name="naive_autumn.csv", write=text(lines(AUTUMN, "date,open,high,low,close,volume", time=berlin)), said="--timezone"),
    Shape(name="one.csv", write=text(lines(HOURS[:1])), said="--timeframe"),
    Shape(name="nameless.csv", write=text(PLAIN), said="--symbol", symbol=""),
    Shape(name="two.csv", write=text(two_markets()), said="2 markets, BTCUSDT, ETHUSDT; --symbol", symbol=""),
    Shape(name="doubt.csv", write=text(lines(np.column_stack([HOURS[:5, :5], [1234, 2345, 3456, 4567, 5678]]), sign=";", number=lambda v: f"{v:,.0f}" if v > 999 else f"{v:.0f}")), said="--decimal"),
    Shape(name="day_month.csv", write=text(lines(HOURS[:3], "date,open,high,low,close,volume", time=form("%d/%m/%Y %H:%M"))), said="--dates"),
    Shape(name="times_differ.csv", write=text(lines(HOURS, "unix,timestamp,open,high,low,close,volume", time=lambda ms: f"{ms:.0f},{ms + HOUR_MS:.0f}")), said="--columns time"),
    Shape(name="closes_differ.csv", write=text(lines(HOURS, "timestamp,open,high,low,Close,close,volume", order=(1, 2, 3, 4, 1, 5))), said="may both be the close"),
    Shape(name="ETH_USDT_USDT-1h-futures.feather", write=feather(HOURS), said="ETHUSDT"),
    Shape(name="BTC_USDT_USDT-1h-mark.feather", write=feather(HOURS), said="mark prices"),
    Shape(name="BTCUSDT-4h-2024-06.csv", write=text(vision(HOURS)), said="timeframe 4h"),
    Shape(name="spot_asked.csv", write=text(cdd("BTCUSDT.P", "BTC")), said="futures", kind="spot"),
    Shape(name="other.csv", write=text(cdd("ETH/USDT", "ETH")), said="ETHUSDT"),
    Shape(name="other_coin.csv", write=text(lines(HOURS, "timestamp,open,high,low,close,Volume ETH")), said="counts volume in ETH"),
    Shape(name="yfinance.csv", write=text(yfinance()), said="BTCUSD"),
    Shape(name="mixed.csv", write=text(lines(np.concatenate([HOURS, np.column_stack([HOURS[-1, 0] + DAY_MS * np.arange(1, 6), DAYS[:5, 1:]])]))), said="two timeframes are mixed"),
    Shape(name="holes.csv", write=text(lines(HOURS[[0, 1, 2, 3, 20, 21, 22, 40, 41, 42, 47]])), said="are missing, at most"),
    Shape(name="half_hours.csv", write=text(lines(np.column_stack([START_MS + 30 * MINUTE_MS * np.arange(48), HOURS[:, 1:]]))), said="30m apart"),
    Shape(name="asked_4h.csv", write=text(PLAIN), timeframe="4h", said="1h apart, 4h was asked"),
    Shape(name="spreadsheet.csv", write=text(lines(HOURS, time=lambda ms: f"{ms:.5E}")), said="lost its digits"),
    Shape(name="close_only.csv", write=text("date,price,market_cap\n2024-01-01,1,2\n2024-01-02,1,2\n"), said="has no open, high, low, close"),
    Shape(name="header.csv", write=text("timestamp,open,high,low,close,volume\n"), said="has no rows"),
    Shape(name="empty.csv", write=text(""), said="is empty"),
    Shape(name="page.csv", write=text("<!DOCTYPE html><html>not found</html>"), said="web page"),
    Shape(name="book.xlsx", write=text(zipped(**{"xl/workbook": "x"})), said="Excel"),
    Shape(name="base.sqlite", write=text(b"SQLite format 3\x00 and so on"), said="SQLite"),
    Shape(name="damaged.zip", write=text(zipped(a=PLAIN)[:-30]), said="truncated"),
    Shape(name="damaged.csv.gz", write=text(packed(PLAIN)[:-30]), said="truncated"),
    Shape(name="damaged.json", write=text(as_json(HOURS)[:-10]), said="truncated or not JSON"),
    Shape(name="binary.csv", write=text(bytes(range(256)) * 8), said="unknown kind"),
    Shape(name="ragged.csv", write=text(PLAIN.replace("\n", ",1\n", 12).replace(",1\n", "\n", 11)), said="another number of cells"),
    Shape(name="ragged_byte.csv", write=text(PLAIN.encode()[:-1] + b",\xff,1\n"), said="another number of cells"),
    Shape(name="words_for_prices.csv", write=text(PLAIN.replace("100.0", "cheap", 1)), said="numbers are needed"),
]  # fmt: skip


ALL_TAKEN = [*TAKEN, *vendor_shapes.TAKEN, *time_shapes.TAKEN, *container_shapes.TAKEN]
ALL_REFUSED = [*REFUSED, *vendor_shapes.REFUSED, *time_shapes.REFUSED, *container_shapes.REFUSED]


def planned(folder: Path, shape: Shape) -> Plan:
    path = folder / shape.name
    shape.write(path)
    return plan_import([path], "binance", Wanted(symbol=shape.symbol, timeframe=shape.timeframe, kind=shape.kind), shape.options, NOW_MS)  # fmt: skip


@pytest.mark.parametrize("shape", ALL_TAKEN, ids=lambda shape: shape.name)
def test_a_usual_file_is_taken_exactly_and_says_as_what(tmp_path: Path, shape: Shape) -> None:
    (part,) = planned(tmp_path, shape).parts
    assert shape.taken is not None
    np.testing.assert_array_equal(part.rows, shape.taken)
    assert part.market.symbol == (shape.symbol or shape.market)
    assert shape.said in " ".join((*part.lines, *part.notes))


@pytest.mark.parametrize("shape", ALL_REFUSED, ids=lambda shape: shape.name)
def test_a_doubtful_file_is_refused_with_the_reason_and_the_way_out(tmp_path: Path, shape: Shape) -> None:
    with pytest.raises(BadInput) as refusal:
        planned(tmp_path, shape)
    assert shape.said in str(refusal.value)
    assert shape.name in str(refusal.value) or shape.timeframe or "--timeframe" in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("shape", ALL_TAKEN, ids=lambda shape: shape.name)
def test_a_large_file_of_which_only_some_columns_are_read_becomes_the_same(
    tmp_path: Path, shape: Shape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "_LARGE_BYTES", 0)
    (part,) = planned(tmp_path, shape).parts
    np.testing.assert_array_equal(part.rows, shape.taken)


def test_the_table_holds_two_hundred_shapes() -> None:
    assert len(ALL_TAKEN) + len(ALL_REFUSED) >= 250
