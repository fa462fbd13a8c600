"""What names and columns of files speak of, and how they are settled with what a person asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.candles.importing.dialect import cells_of, dialect_of, is_row
from storage.candles.importing.evidence import Evidence, from_columns, from_name, known_timeframe, settle
from storage.candles.importing.sheet import Options
from strategies.errors import BadInput


@pytest.mark.parametrize(
    ("name", "symbol", "kind", "timeframe"),
    [
        ("BTCUSDT-1h-2024-05.zip", "BTCUSDT", "", "1h"),
        ("BTC_USDT_USDT-4h-futures.feather", "BTCUSDT", "futures", "4h"),
        ("BTC_USDT-1d.feather", "BTCUSDT", "spot", "1d"),
        ("Binance_ETHUSDT_minute.csv", "ETHUSDT", "", "1m"),
        ("data/spot/BTCUSDT_15m.parquet", "BTCUSDT", "", "15m"),
        ("SOL-USDT-SWAP_1h.csv", "SOLUSDT", "futures", "1h"),
        ("prices.csv", "", "", ""),
    ],
)
def test_a_name_speaks_of_a_market_and_a_timeframe(name: str, symbol: str, kind: str, timeframe: str) -> None:
    found = from_name(name)
    assert (found.symbol, found.kind, found.timeframe, found.is_funding) == (symbol, kind, timeframe, False)


def test_a_name_that_speaks_of_no_trades_is_believed() -> None:
    assert from_name("BTC_USDT_USDT-8h-funding_rate.feather").is_funding
    assert from_name("BTC_USDT_USDT-1h-mark.feather").not_trades != ""
    assert from_name("BTCUSDT-fundingRate-2024-05.csv").is_funding


def test_constant_columns_say_what_a_name_does_not() -> None:
    assert from_columns(["BTC/USDT"], ["60"], []) == Evidence(symbol="BTCUSDT", timeframe="1h")
    assert from_columns(["BTCUSDT.P"], [], []) == Evidence(symbol="BTCUSDT", kind="futures")
    assert from_columns(["Bitcoin"], ["1D"], []) == Evidence(coin="BTC", timeframe="1d")
    assert from_columns(["BTCUSDT", "ETHUSDT"], ["1h", "4h"], []) == Evidence()


@pytest.mark.parametrize(
    ("asked", "found", "override", "answer"),
    [
        ("", [], False, ""),
        ("", [("BTCUSDT", "its name"), ("", "a column")], False, "BTCUSDT"),
        ("", [("BTCUSDT", "its name"), ("BTCUSDT", "a column")], False, "BTCUSDT"),
        ("ETHUSDT", [("ETHUSDT", "its name")], False, "ETHUSDT"),
        ("ETHUSDT", [], False, "ETHUSDT"),
        ("ETHUSDT", [("BTCUSDT", "its name")], True, "ETHUSDT"),
    ],
)
def test_what_was_asked_and_what_was_found_agree(
    asked: str, found: list[tuple[str, str]], override: bool, answer: str
) -> None:
    assert settle(asked, found, "symbol", "--symbol", override) == answer


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("ETHUSDT", "its name says symbol BTCUSDT, --symbol says ETHUSDT; ask for --symbol BTCUSDT, or --override"),
        ("", "the symbol is in doubt: its name says BTCUSDT, a column says SOLUSDT; --symbol decides"),
    ],
)
def test_where_they_disagree_both_are_named_with_the_way_out(asked: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        settle(asked, [("BTCUSDT", "its name"), ("SOLUSDT", "a column")], "symbol", "--symbol", False)


def test_a_timeframe_that_no_store_holds_is_refused() -> None:
    assert known_timeframe("4h", "file.csv").value == "4h"
    with pytest.raises(BadInput, match=r"file\.csv: candles of 2h cannot be stored; one of 1m, 5m, "):
        known_timeframe("2h", "file.csv")


CELLS = st.lists(st.text("abc123.- ", min_size=1, max_size=6).filter(str.strip), min_size=2, max_size=8)


@given(cells=CELLS, delimiter=st.sampled_from(",;\t|"))
def test_cells_come_apart_as_they_were_joined(cells: list[str], delimiter: str) -> None:
    assert cells_of(delimiter.join(cells), delimiter) == [cell.strip() for cell in cells]
    quoted = delimiter.join(f'"{cell}{delimiter}x"' for cell in cells)
    assert cells_of(quoted, delimiter) == [f"{cell}{delimiter}x".strip() for cell in cells]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("2024-06-01,1,2,1,2,3", True),
        ("1717200000000,1,2,1,2,3", True),
        ("Jun 01 2024,1,2,1,2", True),
        ("BTCUSDT,2024-06-01,1,2,1,2", True),
        ("time,open,high,low,close", False),
        ("# made by a program, 2024", False),
        ("2024-06-01,,,,", True),
        ("a,b", False),
    ],
)
def test_a_row_has_a_time_and_numbers(line: str, answer: bool) -> None:
    assert is_row(line.split(",")) is answer


@pytest.mark.parametrize(
    ("lines", "delimiter", "decimal", "skipped", "banner"),
    [
        (["time,open,high,low,close", "2024-06-01,1.5,2,1,2"], ",", ".", 1, 0),
        (["2024-06-01;1,5;2;1;2", "2024-06-02;1,5;2;1;2"], ";", ",", 0, 0),
        (["https://www.example.com, data", "time,open,high,low,close", "1717200000,1,2,1,2"], ",", ".", 2, 1),
        (["1717200000 1 2 1 2 3", "1717203600 1 2 1 2 3"], " ", ".", 0, 0),
    ],
)
def test_the_dialect_is_learnt_from_the_first_lines(
    lines: list[str], delimiter: str, decimal: str, skipped: int, banner: int
) -> None:
    found = dialect_of(lines, "file.csv", Options())
    assert (found.delimiter, found.decimal, found.skipped, found.banner) == (delimiter, decimal, skipped, banner)


@pytest.mark.parametrize(("lines", "said"), [([], "is empty"), (["hello"], "is no table of candles: its first line")])
def test_what_is_no_table_is_refused(lines: list[str], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        dialect_of(lines, "file.csv", Options())
