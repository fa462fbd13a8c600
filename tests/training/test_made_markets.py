"""Made markets with known properties through import, check and backtest: the right number or the right refusal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from strategies.market import DAY_MS, HOUR_MS
from training.__main__ import main

BARS = 4400
START_MS = 1_640_995_200_000  # 2022-01-01


def market() -> np.ndarray:
    """Return (BARS, 6): a drifting walk from 100 with ticks of 0.01 and lots of 0.001."""
    rng = np.random.default_rng(5)
    drift = 0.0012 * np.sin(np.arange(BARS) / 300)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.006, BARS) + drift)), 2)
    opens = np.r_[100.0, close[:-1]]
    spread = np.round(rng.uniform(0.01, 0.4, (2, BARS)), 2)
    times = START_MS + HOUR_MS * np.arange(BARS)
    high = np.round(np.maximum(opens, close) + spread[0], 2)
    low = np.round(np.minimum(opens, close) - spread[1], 2)
    return np.column_stack([times, opens, high, low, close, np.round(rng.uniform(1, 100, BARS), 3)])


def write(path: Path, candles: np.ndarray, power: int = 0, *, changed: slice = slice(None)) -> None:
    """Write candles with prices divided and volumes multiplied by a power of ten, in exact decimals."""
    from decimal import Decimal

    lines = ["timestamp,open,high,low,close,volume"]
    inside = np.zeros(len(candles), bool)
    inside[changed] = True
    for row, is_scaled in zip(candles, inside, strict=True):
        shift = power if is_scaled else 0
        cells = [Decimal(repr(float(value))).scaleb(-shift) for value in row[1:5]]
        cells.append(Decimal(repr(float(row[5]))).scaleb(shift))
        lines.append(f"{row[0]:.0f}," + ",".join(f"{cell:f}" for cell in cells))
    path.write_text("\n".join(lines) + "\n")


@dataclass
class Bench:
    folder: Path
    capsys: pytest.CaptureFixture[str]

    def bring(self, symbol: str, candles: np.ndarray, power: int = 0, *, changed: slice = slice(None)) -> None:
        from bot.cli import main as sigma

        path = self.folder / f"{symbol.lower()}.csv"
        write(path, candles, power, changed=changed)
        assert sigma(["data", "import", str(path), "--symbol", symbol, "--most-missing", "0.9"]) == 0

    def backtest(self, symbol: str, *more: str) -> dict[str, Any]:
        self.capsys.readouterr()
        main(["backtest", "--model", "trend", "--symbols", symbol, "--json", *more])
        found: dict[str, Any] = json.loads(self.capsys.readouterr().out)
        return found


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGMA_EXCHANGE__NAME", "binanceusdm")
    return Bench(tmp_path, capsys)


def essence(document: dict[str, Any]) -> tuple[Any, ...]:
    return document["final_equity"], document["trades"], document["figures"], document["monthly"], document["costs"]


def test_scaling_prices_and_lots_changes_no_trade_and_no_cent(bench: Bench) -> None:
    candles = market()
    bench.bring("PLAINUSDT", candles)
    plain = bench.backtest("PLAINUSDT")
    assert plain["trades"]["trades"] >= 3
    for symbol, power in (("MICROUSDT", 6), ("NANOUSDT", 9), ("KILOUSDT", -3)):
        bench.bring(symbol, candles, power)
        assert essence(bench.backtest(symbol)) == essence(plain), symbol


def test_a_redenominated_market_is_refused_and_after_the_adjustment_it_is_the_plain_one(bench: Bench) -> None:
    from bot.cli import main as sigma

    candles = market()
    bench.bring("PLAINUSDT", candles)
    bench.bring("REDUSDT", candles, 3, changed=slice(0, 3800))
    refused = bench.backtest("REDUSDT")
    assert "sigma data adjust --split 1000 --at 2022-06-08T08:00" in refused["error"]
    assert bench.backtest("REDUSDT", "--despite-findings")["final_equity"] > 0
    assert sigma(["data", "adjust", "--symbol", "REDUSDT", "--split", "1000", "--at", "2022-06-08T08:00"]) == 0
    assert essence(bench.backtest("REDUSDT")) == essence(bench.backtest("PLAINUSDT"))


def test_a_lot_larger_than_the_account_and_a_still_market_say_why_nothing_was_traded(bench: Bench) -> None:
    candles = market()
    large = candles.copy()
    large[:, 1:5] = np.round(large[:, 1:5] * 10_000)
    large[:, 5] = np.round(large[:, 5])
    still = candles.copy()
    still[:, 1:5] = 100.0
    bench.bring("LARGEUSDT", large)
    bench.bring("STILLUSDT", still)
    found = bench.backtest("LARGEUSDT")
    assert found["trades"]["trades"] == 0
    assert dict(found["refusals"])["too_small"] > 0
    assert "it never moves" in bench.backtest("STILLUSDT")["error"]
    assert bench.backtest("STILLUSDT", "--despite-findings")["trades"]["trades"] == 0


def test_a_sparse_and_a_mixed_market_are_refused_with_the_true_cause(bench: Bench) -> None:
    candles = market()
    bench.bring("SPARSEUSDT", candles[np.random.default_rng(1).random(BARS) < 0.5])
    assert "of the 1h bars" in bench.backtest("SPARSEUSDT")["error"]
    from bot.cli import main as sigma

    days = candles[:40].copy()
    days[:, 0] = START_MS + (BARS // 24 + 1 + np.arange(40)) * DAY_MS
    write(bench.folder / "mixed.csv", np.concatenate([candles, days]))
    assert sigma(["data", "import", str(bench.folder / "mixed.csv"), "--symbol", "MIXEDUSDT"]) == 2


def test_a_bad_print_inside_a_trade_is_named(bench: Bench) -> None:
    candles = market()
    bench.bring("PLAINUSDT", candles)
    plain = bench.backtest("PLAINUSDT")
    held = next(iter(plain["open_positions"]), None)
    assert held is None or held["side"] in ("LONG", "SHORT")
    printed = candles.copy()
    printed[3144::97, 2] *= 1.9
    bench.bring("PRINTUSDT", printed)
    notes = bench.backtest("PRINTUSDT", "--sides", "long")["notes"]
    assert any(note.startswith("Suspicious bar: PRINTUSDT moved") for note in notes)
