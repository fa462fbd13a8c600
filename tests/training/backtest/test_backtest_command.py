"""`sigma backtest` as a person uses it: dates, models, seen bars, files, one line for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from storage.candles.market_book import record_markets
from storage.candles.store import CandleStore
from strategies.bundle.bundle import Bundle
from strategies.market import HOUR_MS
from tests.training.run_builders import MARKETS, START_MS, histories, hourly, minutes, momentum_bundle
from training.__main__ import main
from training.commands import _backtest as command

HOURS = 400


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working directory with a configuration, stored candles and specifications."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text('[exchange]\nname = "binanceusdm"\nsymbols = ["BTCUSDT", "ETHUSDT"]\n')
    store = CandleStore(tmp_path / "data" / "historical")
    before = histories()
    for market, old, fine in zip(MARKETS, before, minutes(before, HOURS), strict=True):
        store.append(market.exchange, market.symbol, "1h", "futures", np.concatenate([old, hourly(fine)]))
    times = START_MS + 8 * HOUR_MS * np.arange(HOURS // 8)
    store.append_funding("binanceusdm", "BTCUSDT", times, np.full(len(times), 10_000))
    record_markets(store.root, MARKETS)
    return tmp_path


def use(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every model named be `bundle`."""
    monkeypatch.setattr(command, "chosen_bundle", lambda *_: bundle)


def run(*arguments: str) -> int:
    return main(["backtest", "--start-date", "2025-05-05", "--end-date", "2025-05-20", *arguments])


def test_without_a_production_bundle_the_trend_rule_is_tested(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["model"] == "trend-1"
    assert "no bundle is in production on binanceusdm" in err


def test_it_writes_a_report_and_an_export(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(momentum_bundle(), monkeypatch)
    assert run("--report", "reports/run.html", "--export", "fills.csv", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (place / document["report"]).read_text().startswith("<!doctype html>")
    lines = (place / "fills.csv").read_text().splitlines()
    assert sum(",fill," in line for line in lines) >= 2 * document["trades"]["trades"]


def test_the_same_command_twice_writes_the_same_bytes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(momentum_bundle(), monkeypatch)
    run("--export", "first.csv")
    run("--export", "second.csv")
    assert (place / "first.csv").read_bytes() == (place / "second.csv").read_bytes()
    assert len((place / "first.csv").read_bytes().splitlines()) > 10


def test_seen_bars_exit_with_two_and_one_line(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(momentum_bundle(trained_until_ms=START_MS, purge_ms=48 * HOUR_MS), monkeypatch)
    assert run() == 2
    out, err = capsys.readouterr()
    assert out == ""
    [line] = err.splitlines()
    assert "start at 2025-05-07 00:00 or later" in line
    assert "sigma walk-forward" in line


def test_allowed_seen_bars_say_so_on_every_figure(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(momentum_bundle(trained_until_ms=START_MS, purge_ms=48 * HOUR_MS), monkeypatch)
    assert run("--allow-in-sample") == 0
    figures = [line for line in capsys.readouterr().out.splitlines() if "%" in line or "Sharpe" in line]
    assert len(figures) > 8
    assert all("SEEN" in line for line in figures)


def test_without_dates_the_run_begins_at_the_first_hour_out_of_sample(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(momentum_bundle(trained_until_ms=START_MS + 1, purge_ms=48 * HOUR_MS), monkeypatch)
    assert main(["backtest", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["start_ms"] == START_MS + 49 * HOUR_MS
    assert document["end_ms"] == START_MS + HOURS * HOUR_MS


def test_capital_and_sides_are_as_asked(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(momentum_bundle(), monkeypatch)
    assert run("--initial-capital", "2500", "--sides", "long", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["initial_capital"] == 2500
    assert document["short"]["trades"] == 0 < document["long"]["trades"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--start-date", "yesterday"], "--since is 'yesterday', which is not a day"),
        (["--start-date", "2025-05-19", "--end-date", "2025-05-18"], "is empty; candles are stored 2024-12-14 08:00"),
        (["--sides", "up"], "sides is 'up'; both, long or short is needed"),
        (["--symbols", "BTCUSDT,BTCUSDT"], "name a market twice"),
        (["--costs-factor", "-1"], "Invalid value for '--costs-factor': Input should be greater than or equal to 0"),
        (["--model", "b-0000000000000000"], "matches 0 bundles"),
        (["--export", "fills.xlsx"], "a name ending in .csv or .parquet is needed"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(
    place: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("sigma: ")
    assert words in line


def test_a_market_that_is_not_stored_is_one_line(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--symbols", "DOGEUSDT") == 1
    assert "neither a specification nor candles" in capsys.readouterr().err.splitlines()[-1]
