"""`--universe` of backtest, walk-forward and simulate, over histories that begin late, end early, or cannot be used."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.candles.store import CandleStore
from strategies.market import DAY_MS, Timeframe
from tests.made_markets import START_MS, random_candles
from training.__main__ import main
from training.runtime.compute import Compute, fan_out

BARS = 8_000
LATE, ENDED = 3_000, 6_000  # bars
CONFIG = """
[exchange]
name = "made"
symbols = ["AAAUSDT"]
[universe]
size = 5
min_age_d = 80
min_quote_volume = 0
[ensemble]
families = ["ridge"]
deviation_window_d = 90
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working directory with two whole markets, a late one, one that ended, and one with too many holes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(CONFIG)
    store, rng = CandleStore(tmp_path / "data" / "historical"), np.random.default_rng(5)
    parts = {
        "AAAUSDT": slice(None),
        "BBBUSDT": slice(None),
        "LATEUSDT": slice(LATE, None),
        "ENDEDUSDT": slice(None, ENDED),
        "BADUSDT": np.sort(rng.choice(BARS, BARS // 2, replace=False)),
    }
    for seed, (symbol, part) in enumerate(parts.items()):
        rows = random_candles(BARS, seed=seed, edge=0.15)
        rows[:, 1:5], rows[:, 5] = rows[:, 1:5].round(1), rows[:, 5].round(3)
        store.append("made", symbol, Timeframe.H1, "futures", rows[part])
    return tmp_path


def day(number: int) -> str:
    return datetime.fromtimestamp((START_MS + number * DAY_MS) / 1000, UTC).strftime("%Y-%m-%d")


def answered(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[dict[str, Any], str]:
    """Return the document of a command over the universe, and what it said; its markets came, ended and were named."""
    assert main([*arguments, "--universe", "top", "--json"]) == 0, capsys.readouterr().err
    out, err = capsys.readouterr()
    assert "universe: top 5 by 30 days of traded value, as known then: 5 of 5 stored markets were members" in err
    assert "left out: made:BADUSDT:1h:futures: " in err
    document: dict[str, Any] = json.loads(out)
    told = err + json.dumps(document)
    assert "ENDEDUSDT ends " in told
    assert "LATEUSDT" in told
    return document, err


def test_a_backtest_over_the_universe_trades_each_market_while_it_was_there(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dates = ("--since", day(120), "--until", day(330))
    document, _ = answered(
        capsys, "backtest", "--model", "trend", *dates, "--export", "fills.csv", "--report", "b.html"
    )
    assert sorted(document["symbols"]) == ["AAAUSDT", "BBBUSDT", "ENDEDUSDT", "LATEUSDT"]
    lines = (place / "fills.csv").read_text().splitlines()
    ended = [line for line in lines if "ENDEDUSDT" in line]
    assert ended
    assert max(line.split(",")[0] for line in ended) <= day(251)
    assert "ENDEDUSDT ends" in (place / "b.html").read_text()


def test_a_walk_forward_over_the_universe_leaves_one_bad_market_out_and_goes_on(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    windows = ("--train-window", "120", "--test-window", "45", "--workers", "1", "--no-benchmark")
    document, _ = answered(capsys, "walk-forward", *windows, "--report", "w.html")
    assert sorted(document["scores"]["symbols"]) == ["AAAUSDT", "BBBUSDT", "ENDEDUSDT", "LATEUSDT"]
    assert document["folds"]


@pytest.mark.timeout(300)
def test_a_simulation_over_the_universe_retrains_on_what_was_stored_by_then(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGMA_TRAINING__WORKERS", "1")
    asked: list[int] = []

    def counted(function: Any, tasks: Any, compute: Compute, *rest: Any) -> list[Any]:
        asked.append(compute.workers)
        return fan_out(function, tasks, compute, *rest)

    monkeypatch.setattr("training.simulation.ahead.fan_out", counted)
    routine = ("--retrain-months", "2", "--refit-months", "3", "--years", "0.8", "--no-drift")
    document, said = answered(capsys, "simulate", "--since", day(215), *routine, "--report", "s.html")
    assert asked == [1]  # as configured
    assert sorted(document["scores"]["symbols"]) == ["AAAUSDT", "BBBUSDT", "ENDEDUSDT", "LATEUSDT"]
    assert "retrained" in said
