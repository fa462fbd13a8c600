"""`sigma walk-forward`: what `--stress` and `--trade` add to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from storage.candles.store import CandleStore
from storage.models.trial_log import read_trials
from strategies.market import Timeframe
from training.__main__ import main
from training.promotion.known_answers import world_candles

SYMBOLS = ("BTCUSDT", "ETHUSDT")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working directory with a configuration and two stored markets with a planted edge."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(
        '[exchange]\nname = "made"\nsymbols = ["BTCUSDT", "ETHUSDT"]\n[ensemble]\nfamilies = ["ridge"]\n'
        "deviation_window_d = 90\n"
    )
    store = CandleStore(tmp_path / "data" / "historical")
    for symbol, candles in zip(SYMBOLS, world_candles(8_000, 1, Timeframe.H1, 0.15), strict=False):
        store.append("made", symbol, "1h", "futures", candles)
    return tmp_path


def walk(*arguments: str) -> int:
    return main(["walk-forward", "--train-window", "120", "--test-window", "30", "--workers", "1", *arguments])


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert walk("--json", *arguments) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_stress_prints_the_model_beside_the_rules_and_counts_one_trial(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = document(capsys, "--stress", "--report", "walk.html")
    model, *rules = found["contenders"]
    assert model["name"] == "ridge"
    assert model["sharpe"] == found["scores"]["figures"]["sharpe"]
    assert model["ic"] == pytest.approx(found["scores"]["ic_score"])
    assert [rule["ic"] for rule in rules] == [None, None]
    assert found["statistics"]["trials"] == 1
    assert len(read_trials(place / "runs")) == 1
    assert "one bar late" in (place / "walk.html").read_text()


def test_the_rows_are_printed_for_people_only_where_asked_for(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert walk("--stress") == 0
    assert "one bar late" in capsys.readouterr().out
    assert walk() == 0
    assert "one bar late" not in capsys.readouterr().out


def test_a_market_that_only_teaches_is_neither_traded_nor_judged(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = document(capsys)
    one = document(capsys, "--trade", "ethusdt")
    alone = document(capsys, "--symbols", "ETHUSDT")
    assert one["scores"]["symbols"] == ["ETHUSDT"]
    assert set(one["scores"]["markets"]) == {"ETHUSDT"}
    assert len({walk["recipe"] for walk in (both, one, alone)}) == 3
    assert len({walk["family_ic"]["ridge"] for walk in (both, one, alone)}) == 3


def test_only_a_market_with_candles_can_be_traded(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert walk("--trade", "XRPUSDT") == 2
    assert "--trade names XRPUSDT; only markets with candles can be traded" in capsys.readouterr().err
