"""The training guide's chapters in order, at small size: each command keeps its promise and overwrites nothing."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders import ROOT
from training.__main__ import main as batch
from training.command_line import names

GROUPS_AND_BATCHES = {name.split()[0] for name in names()} - {"retrain", "ledger"}
TEST_MODE = "--test-mode"
ONE = ("--symbol", "BTCUSDT", "--timeframe", "1h")
SMALL = {
    "SIGMA_TRAINING__THREADS": "1",
    "SIGMA_TRAINING__WORKERS": "1",
    "SIGMA_XGBOOST__N_ESTIMATORS": "20",
    "SIGMA_XGBOOST__SEEDS": "1",
    "SIGMA_LSTM__HIDDEN_SIZE": "8",
    "SIGMA_LSTM__NUM_LAYERS": "1",
    "SIGMA_LSTM__EPOCHS": "1",
    "SIGMA_LSTM__SEEDS": "1",
    "SIGMA_EXCHANGE__SYMBOLS": "BTCUSDT,ETHUSDT",
    "SIGMA_SCHEDULE__RETRAIN": "false",
    "SIGMA_WEB__PORT": "0",
    "PYTHONPATH": str(ROOT),
}
SPOKEN_OF_A_BACKTEST = (
    "initial", "final", "total return", "drawdown", "Sharpe", "win rate", "profit factor", "trades", "average",
)  # fmt: skip
SIGNAL = (
    "signal", "confidence", "probability", "expected_return", "expected_hold_h", "win_rate", "entry_price", "stop_loss",
    "take_profit", "risk_reward", "reasoning", "bundle", "votes", "age_s", "valid_until",
)  # fmt: skip


class Reader:
    """Follows the guide in a folder of its own; remembers every file a command left."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self._known: dict[Path, str] = {}

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SIGMA_")}
        return kept | SMALL | more

    def run(self, *words: str, code: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
        done = self._batch(words) if words[0] in GROUPS_AND_BATCHES else self._child(words, variables)
        assert done.returncode == code, f"{' '.join(words)}: {done.stderr[-2000:]}"
        assert "Traceback" not in done.stderr + done.stdout
        self.require_nothing_overwritten(" ".join(words))
        return done

    def _child(self, words: tuple[str, ...], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bot.cli", *words], cwd=self.folder, env=self.environment(**variables),
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    def _batch(self, words: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        """Run a batch command here: a process of its own would load torch anew for each."""
        self._capsys.readouterr()
        code = batch(list(words))
        said = self._capsys.readouterr()
        return subprocess.CompletedProcess(words, code, said.out, said.err)

    def ask(self, *words: str, code: int = 0, **variables: str) -> dict[str, Any]:
        return dict(json.loads(self.run(*words, "--json", code=code, **variables).stdout))

    def require_nothing_overwritten(self, words: str) -> None:
        """Compare the trained models, charts and records with what earlier commands left."""
        found = {
            path: hashlib.sha256(path.read_bytes()).hexdigest()
            for top in ("models", "runs")
            for path in sorted((self.folder / top).rglob("*"))
            if path.suffix in (".safetensors", ".onnx", ".ubj", ".png", ".json") and "production" not in path.name
        }
        lost = [path for path, digest in self._known.items() if found.get(path) != digest]
        assert not lost, f"{words} overwrote {lost}"
        self._known = {path: digest for path, digest in found.items() if "history" not in path.name}


@pytest.fixture
def exchange_url(tmp_path: Path) -> Iterator[str]:
    """A built-in exchange in a process of its own; its market rests while nobody listens."""
    options = ["--port", "0", "--hold", "--speed", "7200", "--symbols", "BTCUSDT,ETHUSDT", "--edge", "0.15"]
    child = subprocess.Popen(
        [sys.executable, "-m", "bot.cli", "exchange", *options, "--state", str(tmp_path / "exchange"), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert child.stdout is not None
    yield json.loads(child.stdout.readline())["url"]
    child.terminate()
    child.wait(30)
    child.stdout.close()


@pytest.mark.timeout(900)
def test_the_chapters_of_the_guide_run_in_order_and_keep_their_promises(
    tmp_path: Path, exchange_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("SIGMA_")]:
        monkeypatch.delenv(name)
    for name, value in SMALL.items():
        monkeypatch.setenv(name, value)
    reader = Reader(tmp_path, capsys)
    _data(reader, exchange_url)
    lstm = _lstm(reader)
    _xgboost(reader)
    _ppo(reader)
    _advanced(reader, lstm)
    bundle = _evaluation(reader)
    _production(reader, bundle, exchange_url)
    _help(reader)


def _data(reader: Reader, url: str) -> None:
    """Chapter 2: download and check."""
    for timeframe in ("1h", "4h", "1d"):
        order = ("BTCUSDT,ETHUSDT", timeframe, "futures", "--since", "2023-12-01", "--exchange", "builtin")
        reader.run("data", "download", *order, "--url", url)
        for symbol in ("BTCUSDT", "ETHUSDT"):
            assert list((reader.folder / "data/historical/builtin").glob(f"{symbol}_{timeframe}_futures/*.parquet"))
    checked = reader.ask("data", "check", *ONE, "--plot", "check.html")
    assert checked["markets"][0]["rows"] > 5000
    assert (reader.folder / "check.html").read_text().startswith("<")


def _lstm(reader: Reader) -> str:
    """Chapter 3: the baseline, the advanced one, tuning."""
    said = reader.run("train", "lstm", *ONE, "--epochs", "2", "--batch-size", "32", "--seq-length", "60", TEST_MODE)
    assert re.search(r"epoch\s+1", said.stderr + said.stdout, re.IGNORECASE)
    first = reader.ask("train", "lstm", *ONE, "--epochs", "2", "--batch-size", "32", "--seq-length", "60", TEST_MODE)
    assert {"lstm.safetensors", "artefact.json"} <= {
        path.name for path in Path(reader.folder, first["folder"]).iterdir()
    }
    sizes = (
        "--hidden-size",
        "12",
        "--num-layers",
        "2",
        "--dropout",
        "0.4",
        "--weight-decay",
        "0.01",
        "--noise",
        "0.01",
    )
    second = reader.ask(
        "train", "lstm", *ONE, "--epochs", "2", "--lr", "0.0005", "--seq-length", "120", *sizes, TEST_MODE
    )
    assert second["folder"] != first["folder"]
    record = json.loads((reader.folder / second["record"]).read_text())
    assert {"config", "data_hash", "git_commit", "versions", "seed", "device", "duration_s"} <= set(record)
    assert reader.ask("tune", "lstm", *ONE, "--trials", "1", TEST_MODE)
    return str(first["folder"])


def _xgboost(reader: Reader) -> None:
    """Chapter 4: patterns, trends, importance; a second run keeps the first one's chart."""
    plots = []
    for words in (
        ("--task", "pattern_classification", "--n-estimators", "10", "--timeframe", "1h"),
        ("--task", "trend_classification", "--n-estimators", "10", "--timeframe", "1h"),
        ("--task", "trend_classification", "--n-estimators", "12", "--timeframe", "1h"),
        ("--task", "trend_classification", "--n-estimators", "10", "--timeframe", "4h"),
        ("--n-estimators", "10", "--timeframe", "1h"),
        ("--n-estimators", "15", "--timeframe", "1h"),
    ):
        document = reader.ask("train", "xgboost", "--symbol", "BTCUSDT", *words, TEST_MODE)
        plots.append(document["plot"])
        assert document["gain"]
        assert (reader.folder / document["plot"]).read_bytes().startswith(b"\x89PNG")
    assert len(set(plots)) == len(plots)


def _ppo(reader: Reader) -> None:
    """Chapter 5: steps, the guide's own shaped reward too."""
    document = reader.ask("train", "ppo", *ONE, "--total-timesteps", "16384", "--learning-rate", "0.0003", TEST_MODE)
    assert (reader.folder / document["folder"]).is_dir()


def _advanced(reader: Reader, source: str) -> None:
    """Chapter 9: several timeframes, several markets, transfer."""
    several = reader.ask("train", "lstm", "--symbol", "BTCUSDT", "--timeframes", "1h,4h,1d", "--epochs", "2", TEST_MODE)
    pooled = reader.ask(
        "train", "lstm", "--symbols", "BTCUSDT,ETHUSDT", "--timeframe", "1h", "--epochs", "2", TEST_MODE
    )
    words = ("--source-model", source, "--target-symbol", "ETHUSDT", "--timeframe", "1h", "--epochs", "2", TEST_MODE)
    moved = reader.ask("train", "lstm", *words)
    assert len({source, several["folder"], pooled["folder"], moved["folder"]}) == 4
    refused = reader.ask("train", "lstm", "--source-model", several["folder"], *words[2:], code=2)
    assert "error" in refused


def _evaluation(reader: Reader) -> str:
    """Chapters 6 and 11: a bundle, its backtest, a walk-forward; what is listed is what training printed."""
    made = reader.ask(
        "train", "bundle", "--symbols", "BTCUSDT,ETHUSDT", "--timeframe", "1h", "--families", "xgboost,ridge,lstm",
        "--until", "2024-10-01",
    )  # fmt: skip
    listed = next(part for part in reader.ask("models", "list")["bundles"] if part["bundle"] == made["bundle"])
    ensemble = next(part for part in made["family_figures"] if part["name"] == "ensemble")
    assert listed["ic"] == pytest.approx(ensemble["ic"], abs=1e-6)
    assert listed["weights"] == pytest.approx(made["weights"], abs=1e-6)
    assert listed["family_ic"] == pytest.approx(
        {part["name"]: part["ic"] for part in made["family_figures"] if part["name"] != "ensemble"}, abs=1e-6
    )
    dates = ("--start-date", "2024-10-05", "--end-date", "2024-12-01", "--initial-capital", "10000")
    text = reader.run("backtest", "--model", made["bundle"], *dates, "--report", "backtest.html").stdout
    assert not [word for word in SPOKEN_OF_A_BACKTEST if word.lower() not in text.lower()], text
    assert (reader.folder / "backtest.html").stat().st_size > 1000
    windows = ("--train-window", "180", "--test-window", "30")
    walked = reader.run("walk-forward", "--model-type", "lstm", *ONE[:1], "BTCUSDT", *ONE[2:], *windows)
    assert "stable" in walked.stdout
    assert len(reader.ask("runs", "list")["runs"]) >= 12
    return str(made["bundle"])


def _production(reader: Reader, bundle: str, url: str) -> None:
    """Chapter 7: promote and ask; a bundle of test mode is refused, its marks are everywhere."""
    trial = reader.ask("train", "bundle", "--symbols", "BTCUSDT", "--timeframe", "1h", "--families", "ridge", TEST_MODE)
    assert "test mode" in reader.ask("models", "promote", trial["bundle"], code=1)["error"]
    reader.ask("models", "promote", bundle)
    with _daemon(reader, url) as address:
        for model in ("ensemble", "lstm", "xgboost", "ridge"):
            answer = _prediction(address, model)
            assert set(SIGNAL) <= set(answer)
            assert answer["reasoning"]
        with pytest.raises(urllib.error.HTTPError) as refused:
            _prediction(address, "catboost")
        assert "one of ensemble" in refused.value.read().decode()


def _help(reader: Reader) -> None:
    """Chapter 12: logs with times, errors, --verbose."""
    reader.run("train", "lstm", "--symbol", "NOSUCHUSDT", "--timeframe", "1h", code=2)
    assert re.match(r"\d{4}-\d\d-\d\d", (reader.folder / "logs/training.log").read_text())
    assert "NOSUCHUSDT" in (reader.folder / "logs/error.log").read_text()


class _daemon:
    """`sigma run` against the exchange, until the block ends."""

    def __init__(self, reader: Reader, url: str) -> None:
        self._reader, self._url = reader, url

    def __enter__(self) -> str:
        self._log = (self._reader.folder / "run.log").open("w")
        self._child = subprocess.Popen(
            [sys.executable, "-m", "bot.cli", "run"], cwd=self._reader.folder, stdout=self._log, stderr=self._log,
            env=self._reader.environment(SIGMA_EXCHANGE__URL=self._url),
        )  # fmt: skip
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            assert self._child.poll() is None, (self._reader.folder / "run.log").read_text()[-2000:]
            if found := re.search(r"http://127\.0\.0\.1:\d+", (self._reader.folder / "run.log").read_text()):
                return found[0]
            time.sleep(0.2)
        raise AssertionError("the daemon named no address")

    def __exit__(self, *_: object) -> None:
        self._child.terminate()
        self._child.wait(30)
        self._log.close()


def _prediction(address: str, model: str) -> dict[str, Any]:
    """Ask as the guide does, until a decision is at hand."""
    body = json.dumps({"symbol": "BTCUSDT", "timeframe": "1h", "model": model}).encode()
    deadline = time.monotonic() + 120
    while True:
        request = urllib.request.Request(f"{address}/api/predict", body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as error:
            if error.code not in (409, 503) or time.monotonic() > deadline:
                raise
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.3)
