"""Who teaches: everybody stored, whoever ever passed the universe's rules, or a list."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.candles.store import CandleStore
from storage.config.tree import Config, load
from strategies.errors import BadInput
from strategies.market import DAY_MS, HOUR_MS, Timeframe
from tests.builders import START_MS, candles
from training.commands._common import teachers_of
from training.commands._traded import usable_symbols

DAYS = 200


def configured(tmp_path: Path, teach: str) -> Config:
    path = tmp_path / "config.toml"
    path.write_text(f"[exchange]\nname = 'binanceusdm'\n[training]\nteach = {teach}\n[universe]\nmin_age_d = 60.0\n")
    return load(path, env={})


def stored(tmp_path: Path) -> CandleStore:
    """Two markets that trade much, one that hardly trades."""
    store = CandleStore(tmp_path / "store")
    for seed, (symbol, quote_a_day) in enumerate({"BTCUSDT": 5e9, "ETHUSDT": 1e9, "DUSTUSDT": 1e3}.items()):
        made = candles(DAYS * 24, seed=seed, start_ms=START_MS - DAYS * DAY_MS)
        made[:, 5] = quote_a_day / 24 / made[:, 4]
        store.append("binanceusdm", symbol, "1h", "futures", made)
    return store


@pytest.mark.parametrize(
    ("teach", "expected"),
    [
        ('"stored"', {"BTCUSDT", "ETHUSDT", "DUSTUSDT"}),
        ('"universe"', {"BTCUSDT", "ETHUSDT"}),
        ('["dustusdt"]', {"DUSTUSDT"}),
    ],
)
def test_who_teaches_is_asked_of_the_configuration(tmp_path: Path, teach: str, expected: set[str]) -> None:
    found = teachers_of(configured(tmp_path, teach), stored(tmp_path), "binanceusdm", Timeframe.H1)
    assert set(found) == expected


def test_a_universe_that_nobody_ever_passed_is_refused(tmp_path: Path) -> None:
    config = configured(tmp_path, '"universe"')
    until_ms = START_MS - 190 * DAY_MS + HOUR_MS
    with pytest.raises(BadInput, match="ever passed"):
        teachers_of(config, stored(tmp_path), "binanceusdm", Timeframe.H1, until_ms)


def test_a_market_that_begins_after_the_run_s_end_is_left_out_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, day_ms = stored(tmp_path), START_MS - DAYS * DAY_MS
    store.append("binanceusdm", "YOUNGUSDT", "1h", "futures", candles(48, seed=9, start_ms=START_MS))
    store.append("binanceusdm", "COARSEUSDT", "1d", "futures", candles(9, timeframe=Timeframe.D1, start_ms=day_ms))
    names = ("YOUNGUSDT", "BTCUSDT", "COARSEUSDT", "ETHUSDT")

    def usable(until_ms: int | None) -> tuple[str, ...]:
        return usable_symbols(store, "binanceusdm", names, Timeframe.H1, "futures", until_ms)

    assert usable(None) == ("YOUNGUSDT", "BTCUSDT", "ETHUSDT")
    assert "1h or finer" in capsys.readouterr().err
    assert usable(START_MS + HOUR_MS) == ("YOUNGUSDT", "BTCUSDT", "ETHUSDT")
    assert usable(START_MS + HOUR_MS - 1) == ("BTCUSDT", "ETHUSDT")
    assert "begin only later: YOUNGUSDT" in capsys.readouterr().err
    assert usable(day_ms) == names  # nobody is there: who asked is told which candles are missing
