"""Made markets with known properties through import, check, training, walk-forward and backtest.

Each ends in the right number or the right refusal at every step; a change of units changes nothing at all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from strategies.market import HOUR_MS
from tests.training.test_made_markets import START_MS, write
from training.__main__ import main

BARS = 6000
CUT = 5000
WALK = ("--model-type", "ridge", "--train-window", "60", "--test-window", "40", "--workers", "1")


def market(bars: int = BARS) -> np.ndarray:
    """Return (bars, 6): a walk with a drift that recent moves tell, ticks of 0.01, lots of 0.001."""
    rng = np.random.default_rng(8)
    steps = rng.normal(0, 0.006, bars)
    for bar in range(24, bars):
        steps[bar] += 0.0012 * np.sign(steps[bar - 24 : bar].sum())
    close = np.round(100 * np.exp(np.cumsum(steps - steps.mean())), 2)
    opens = np.r_[100.0, close[:-1]]
    spread = np.round(rng.uniform(0.01, 0.4, (2, bars)), 2)
    high = np.round(np.maximum(opens, close) + spread[0], 2)
    low = np.round(np.minimum(opens, close) - np.minimum(spread[1], 0.01), 2)
    times = START_MS + HOUR_MS * np.arange(bars)
    return np.column_stack([times, opens, high, low, close, np.round(rng.uniform(1, 100, bars), 3)])


@dataclass
class Lab:
    """Runs one command after another and keeps what each said."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    kept: dict[str, Any] = field(default_factory=dict)

    def bring(self, symbol: str, candles: np.ndarray, power: int = 0, **changed: Any) -> dict[str, Any]:
        path = self.folder / f"{symbol.lower()}.csv"
        write(path, candles, power, **changed)
        return self.sigma("data", "import", str(path), "--symbol", symbol, "--most-missing", "0.9")

    def sigma(self, *words: str) -> dict[str, Any]:
        from bot.cli import main as sigma

        self.capsys.readouterr()
        code = sigma([*words, "--json"])
        return {**json.loads(self.capsys.readouterr().out), "code": code}

    def batch(self, *words: str) -> dict[str, Any]:
        self.capsys.readouterr()
        code = main([*words, "--json"])
        return {**json.loads(self.capsys.readouterr().out), "code": code}

    def check(self, symbol: str) -> dict[str, Any]:
        return self.sigma("data", "check", "--symbol", symbol, "--timeframe", "1h")

    def train(self, *symbols: str) -> dict[str, Any]:
        return self.batch(
            "train", "bundle", "--symbols", ",".join(symbols), "--families", "ridge", "--until", "2022-07-15"
        )

    def walk(self, *symbols: str) -> dict[str, Any]:
        return self.batch("walk-forward", "--symbols", ",".join(symbols), *WALK)

    def backtest(self, model: str, *symbols: str, end: str = "") -> dict[str, Any]:
        dates = ("--start-date", "2022-07-20", *(("--end-date", end) if end else ()))
        return self.batch("backtest", "--model", model, "--symbols", ",".join(symbols), *dates)

    def whole(self, symbol: str) -> tuple[dict[str, Any], list[float]]:
        """Return what was traded to the last cent, and what was learnt, without what names the market or the files."""
        assert self.check(symbol)["code"] == 0
        trained, walked = self.train(symbol), self.walk(symbol)
        assert (trained["code"], walked["code"]) == (0, 0), (trained, walked)
        tested = self.backtest(trained["bundle"], symbol)
        assert tested["code"] == 0, tested
        exact = {name: tested[name] for name in ("final_equity", "trades", "costs", "monthly", "refusals")}
        exact |= {f"walked {name}": walked["scores"][name] for name in ("final_equity", "trades", "costs", "monthly")}
        return exact, learnt([trained["family_figures"], trained["wins"], walked["folds"]])


def learnt(part: Any) -> list[float]:
    """Return the numbers of a document in its order."""
    if isinstance(part, dict | list):
        return [number for inner in (part.values() if isinstance(part, dict) else part) for number in learnt(inner)]
    return [float(part)] if isinstance(part, int | float) else []


def require_same(found: tuple[dict[str, Any], list[float]], plain: tuple[dict[str, Any], list[float]], of: str) -> None:
    """Trades and money to the last unit, decided at thresholds; skill to what other decimals cost in binary."""
    assert found[0] == plain[0], of
    assert found[1] == pytest.approx(plain[1], rel=1e-3, abs=1e-5), of


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lab:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGMA_EXCHANGE__NAME", "binanceusdm")
    monkeypatch.setenv("SIGMA_TRAINING__THREADS", "1")
    monkeypatch.setenv("SIGMA_DECISION__MODE", "discrete")
    return Lab(tmp_path, capsys)


def test_units_change_nothing_from_training_to_backtest(lab: Lab) -> None:
    candles = market()
    lab.bring("PLAINUSDT", candles)
    plain = lab.whole("PLAINUSDT")
    assert plain[0]["trades"]["trades"] >= 3
    for symbol, power in (("MICROUSDT", 6), ("NANOUSDT", 9), ("TINYUSDT", 8), ("KILOUSDT", -3)):
        lab.bring(symbol, candles, power)
        require_same(lab.whole(symbol), plain, symbol)


def test_sizes_that_follow_every_conviction_differ_by_no_more_than_the_skill_does(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGMA_DECISION__MODE", "exposure")
    candles = market()
    lab.bring("PLAINUSDT", candles)
    lab.bring("NANOUSDT", candles, 9)
    (plain, skill), (nano, other) = lab.whole("PLAINUSDT"), lab.whole("NANOUSDT")
    assert plain["trades"]["trades"] >= 3
    assert nano["trades"]["trades"] == plain["trades"]["trades"]
    assert nano["final_equity"] == pytest.approx(plain["final_equity"], rel=1e-4)
    assert other == pytest.approx(skill, rel=1e-3, abs=1e-5)


def test_a_redenominated_market_stops_every_step_and_is_the_plain_one_after_its_adjustment(lab: Lab) -> None:
    candles = market()
    lab.bring("PLAINUSDT", candles)
    lab.bring("REDUSDT", candles, 3, changed=slice(0, CUT))
    at = np.datetime_as_string(np.datetime64(int(candles[CUT, 0]), "ms"), unit="m")
    for refused in (lab.train("REDUSDT"), lab.walk("REDUSDT"), lab.backtest("trend", "REDUSDT")):
        assert refused["code"] != 0
        assert f"sigma data adjust --split 1000 --at {at}" in refused["error"]
    assert lab.check("REDUSDT")["code"] == 1
    lab.sigma("data", "adjust", "--symbol", "REDUSDT", "--split", "1000", "--at", str(at))
    require_same(lab.whole("REDUSDT"), lab.whole("PLAINUSDT"), "after the adjustment")


def test_a_market_that_ended_is_the_plain_one_until_its_end(lab: Lab) -> None:
    candles = market()
    lab.bring("PLAINUSDT", candles)
    lab.bring("GONEUSDT", candles[:CUT])
    end = np.datetime_as_string(np.datetime64(int(candles[CUT, 0]), "ms"), unit="m")
    whole, gone = lab.train("PLAINUSDT"), lab.train("GONEUSDT")
    assert gone["family_figures"] == whole["family_figures"]
    plain = lab.backtest(whole["bundle"], "PLAINUSDT", end=str(end))
    ended = lab.backtest(gone["bundle"], "GONEUSDT", end="2030-01-01")
    assert ended["code"] == 0
    assert (ended["final_equity"], ended["trades"]) == (plain["final_equity"], plain["trades"])
    assert any(str(end)[:10] in note for note in ended["notes"])
    assert lab.walk("GONEUSDT")["code"] == 0


def test_a_late_market_joins_when_it_begins_and_says_so(lab: Lab) -> None:
    candles = market()
    lab.bring("PLAINUSDT", candles)
    late = candles[1500:].copy()
    lab.bring("LATEUSDT", late)
    trained = lab.train("PLAINUSDT", "LATEUSDT")
    assert trained["code"] == 0
    tested = lab.backtest(trained["bundle"], "PLAINUSDT", "LATEUSDT")
    assert tested["code"] == 0
    assert lab.walk("PLAINUSDT", "LATEUSDT")["code"] == 0


def test_a_sparse_a_still_and_a_mixed_market_are_refused_at_every_step_with_the_true_cause(lab: Lab) -> None:
    candles = market()
    still = candles.copy()
    still[:, 1:5] = 100.0
    lab.bring("SPARSEUSDT", candles[np.random.default_rng(1).random(BARS) < 0.5])
    lab.bring("STILLUSDT", still)
    for symbol, cause in (("SPARSEUSDT", "of the 1h bars"), ("STILLUSDT", "never moves")):
        assert lab.check(symbol)["code"] == 1
        for refused in (lab.train(symbol), lab.walk(symbol), lab.backtest("trend", symbol)):
            assert refused["code"] != 0
            assert cause in refused["error"], symbol
    days = candles[:40].copy()
    days[:, 0] = candles[-1, 0] // 86_400_000 * 86_400_000 + 86_400_000 * (1 + np.arange(40))
    assert "two timeframes" in lab.bring("MIXEDUSDT", np.concatenate([candles, days]))["error"]
    assert lab.train("MIXEDUSDT")["code"] == 2
    assert not list((lab.folder / "models").rglob("manifest.json"))


def test_a_lot_larger_than_the_account_is_learnt_and_every_refusal_counted(lab: Lab) -> None:
    candles = market()
    large = candles.copy()
    large[:, 1:5] = np.round(large[:, 1:5] * 10_000)
    large[:, 5] = np.round(large[:, 5])
    lab.bring("LARGEUSDT", large)
    assert lab.check("LARGEUSDT")["code"] == 0
    trained, walked = lab.train("LARGEUSDT"), lab.walk("LARGEUSDT")
    assert trained["code"] == 0
    tested = lab.backtest(trained["bundle"], "LARGEUSDT")
    for found in (tested, walked["scores"]):
        assert dict(found["refusals"])["too_small"] > 0
    assert tested["trades"]["trades"] == 0
