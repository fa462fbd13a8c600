"""How people write numbers, markets and steps of time, and what is made of it."""

from __future__ import annotations

import math
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.candles.importing.grid import length_of, missing_share, mixture, require_dense, require_opens, usual_step
from storage.candles.importing.numbers import decimal_of, decoded, is_number, numbers, parsed, texts
from storage.candles.importing.pairs import canonical, coin_of, is_pair, pair_of, quote_of
from strategies.errors import BadInput
from strategies.market import DAY_MS, HOUR_MS, MINUTE_MS, Timeframe
from tests.storage.candles.candle_builders import START_MS


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("1234.5", ".", 1234.5),
        ("1,234.5", ".", 1234.5),
        ("1.234,5", ",", 1234.5),
        ("1 234,5", ",", 1234.5),
        ("1'234.5", ".", 1234.5),
        ("12,34,567.8", ".", 1234567.8),  # lakh and crore
        ("-7", ".", -7.0),
        ("1.5K", ".", 1500.0),
        ("2,5 M", ",", 2.5e6),
        ("3b", ".", 3e9),
        ("$43,250.50", ".", 43250.5),
        ("43250.5 USDT", ".", 43250.5),
        ("1e-7", ".", 1e-7),
        ("", ".", math.nan),
        ("n/a", ".", math.nan),
        ("--", ",", math.nan),
    ],
)
def test_numbers_are_read_as_they_were_meant(text: str, decimal: str, value: float) -> None:
    assert parsed(text, decimal) == pytest.approx(value, nan_ok=True)
    assert is_number(text)


@pytest.mark.parametrize("text", ["12,34.5", "1.23.4", "12,3,4", "one", "1-2", "0x10"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        float(parsed(text, "."))


@given(value=st.floats(0.001, 1e9).map(lambda value: round(value, 3)))
def test_a_number_with_thousands_means_what_it_means_without(value: float) -> None:
    english = f"{value:,.3f}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert parsed(english, ".") == parsed(german, ",") == value


@pytest.mark.parametrize(
    ("cells", "asked", "found"),
    [
        (["1.5", "2"], "", "."),
        (["1,5", "2"], "", ","),
        (["1.234,5"], "", ","),
        (["1,234.5"], "", "."),
        (["1,234", "1.5"], "", "."),
        (["1,234,567"], "", "."),
        (["0,123"], "", ","),
        (["12,345"], "comma", ","),
        (["12,345"], "point", "."),
    ],
)
def test_the_sign_of_fractions_is_found_in_the_cells(cells: list[str], asked: str, found: str) -> None:
    assert decimal_of(cells, "file.csv", asked) == found


def test_a_cell_that_means_two_things_asks() -> None:
    with pytest.raises(BadInput, match="'12,345' may mean thousands or a fraction; --decimal point or --decimal comma"):
        decimal_of(["12,345", "54,321"], "file.csv", "")


def test_columns_of_any_kind_become_numbers() -> None:
    words = pa.chunked_array([["1.5", None, "'2.5", '="3.5"', " 4.5 "]])
    assert numbers(words, ".", "close") == pytest.approx([1.5, math.nan, 2.5, 3.5, 4.5], nan_ok=True)
    narrow = pa.chunked_array([pa.array([100.35], pa.float32())])
    assert numbers(narrow, ".", "close").tolist() == [100.35], "the decimal that was written, not the float's own"
    labels = pa.chunked_array([pa.array(["a", "b", "a"]).dictionary_encode()])
    assert decoded(labels).to_pylist() == texts(labels).to_pylist() == ["a", "b", "a"]
    with pytest.raises(BadInput, match="close holds 'x' in row 2; numbers are needed"):
        numbers(pa.chunked_array([["1", "x"]]), ".", "close")
    with pytest.raises(BadInput, match=r"close holds bool; numbers are needed"):
        numbers(pa.chunked_array([[True]]), ".", "close")


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("BTC/USDT:USDT", "BTCUSDT"),
        ("btc-usdt", "BTCUSDT"),
        ("BINANCE:BTCUSDT.P", "BTCUSDT"),
        ("XBTUSD", "BTCUSD"),
        ("KRW-BTC", "BTCKRW"),
        ("ETH_USDT-SWAP", "ETHUSDT"),
        ("SOLUSDT_PERP", "SOLUSDT"),
        ("1000PEPE/USDT", "1000PEPEUSDT"),
    ],
)
def test_a_market_has_one_name_however_it_is_written(text: str, symbol: str) -> None:
    assert canonical(text) == symbol
    assert is_pair(text)
    assert symbol.endswith(quote_of(symbol))
    assert canonical(canonical(text)) == symbol


def test_a_coin_alone_is_no_market() -> None:
    assert (coin_of("Bitcoin"), coin_of("eth"), coin_of("2024"), coin_of("")) == ("BTC", "ETH", "", "")
    assert not is_pair("BTC")
    assert quote_of("BTCXYZ") == ""


@pytest.mark.parametrize(
    ("tokens", "symbol"),
    [
        (["KAIKO", "BTC", "USD", "1h"], "BTCUSD"),
        (["Binance", "ETHUSDT", "2024"], "ETHUSDT"),
        (["btcusdt", "1m"], "BTCUSDT"),
        (["candles", "of", "June"], ""),
        (["H4", "USD"], ""),
    ],
)
def test_the_market_of_a_file_name_is_found_among_its_words(tokens: list[str], symbol: str) -> None:
    assert pair_of(tokens) == symbol


def at(*minutes: int) -> np.ndarray:
    return START_MS + MINUTE_MS * np.array(minutes, np.int64)


def test_the_usual_step_is_the_commonest() -> None:
    assert usual_step(at(0, 60, 120, 300, 360)) == HOUR_MS
    assert usual_step(at(0, 5)) == 5 * MINUTE_MS
    assert usual_step(at(0)) is None
    assert [length_of(ms) for ms in (HOUR_MS, 90_000, 4 * HOUR_MS, DAY_MS, 250)] == ["1h", "90s", "4h", "1d", "250 ms"]


@given(numbers=st.sets(st.integers(1, 80), min_size=2).map(sorted))
def test_the_missing_share_counts_bars_between_first_and_last(numbers: list[int]) -> None:
    share = missing_share(START_MS + HOUR_MS * np.array(numbers), Timeframe.H1)
    assert share == pytest.approx(1 - len(numbers) / (numbers[-1] - numbers[0] + 1))


def test_two_timeframes_in_one_series_are_told_from_gaps() -> None:
    hourly, daily = range(0, 600, 60), range(600, 600 + 6 * 1440, 1440)
    said = mixture(at(*hourly, *daily), Timeframe.H1)
    assert "candles are 1d apart, elsewhere 1h: two timeframes are mixed" in said
    gaps = at(0, 60, 120, 360, 420, 480, 1200, 1260, 1320)
    assert mixture(gaps, Timeframe.H1) == ""
    with pytest.raises(BadInput, match="split the file and import each part by itself"):
        require_dense(at(*hourly, *daily), Timeframe.H1, 1.0, "file.csv")
    with pytest.raises(BadInput, match=r"60\.9% of the 1h bars .* at most 5\.0% may be \(longest gap: 12h"):
        require_dense(gaps, Timeframe.H1, 0.05, "file.csv")
    require_dense(gaps, Timeframe.H1, 0.7, "file.csv")


def test_whole_days_of_ends_ask_which_they_are() -> None:
    ends = START_MS + HOUR_MS * np.arange(1.0, 25.0)
    with pytest.raises(BadInput, match=r"whole days of ends, .*--columns close_time=date .*--columns time=date"):
        require_opens(ends, Timeframe.H1, "date", "file.csv")
    require_opens(ends - HOUR_MS, Timeframe.H1, "date", "file.csv")
    require_opens(ends[:-1], Timeframe.H1, "date", "file.csv")
