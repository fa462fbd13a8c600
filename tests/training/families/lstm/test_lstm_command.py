"""`sigma train lstm`: lines, files, records and errors, as a person meets them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from storage.candles.store import CandleStore  # noqa: E402
from storage.config.models import LstmSettings  # noqa: E402
from storage.config.tree import load  # noqa: E402
from storage.models.registry import Registry  # noqa: E402
from strategies.market import HOUR_MS  # noqa: E402
from strategies.predictors.lstm import ONNX_FILE, LstmPredictor  # noqa: E402
from training.__main__ import main  # noqa: E402
from training.commands._common import open_dataset  # noqa: E402
from training.commands._options import Candles  # noqa: E402
from training.families.lstm import run as lstm_run  # noqa: E402
from training.families.lstm.export import WEIGHTS_FILE, read_weights  # noqa: E402
from training.families.lstm.family import LstmFamily  # noqa: E402

BARS = 3600
QUICK = ["--hidden-size", "8", "--epochs", "2", "--seeds", "1", "--device", "cpu", "--no-bundle"]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with one market's candles."""
    rng = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(0.01 * rng.normal(size=BARS)))
    opened = np.concatenate([[100.0], close[:-1]])
    open_ms = (np.arange(BARS) + 480_000) * HOUR_MS
    high, low = np.maximum(opened, close) * 1.002, np.minimum(opened, close) * 0.998
    candles = np.column_stack([open_ms, opened, high, low, close, np.full(BARS, 10.0)])
    store = CandleStore(tmp_path / "data" / "historical")
    store.append("builtin", "BTCUSDT", "1h", "futures", candles, np.zeros(BARS, np.uint8))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(*options: str) -> int:
    return main(["train", "lstm", "--symbol", "BTCUSDT", "--timeframe", "1h", *QUICK, *options])


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def test_says_the_device_first_then_a_line_per_epoch(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train() == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("training an LSTM on cpu (")
    epochs = [line for line in lines if line.startswith("seed 7 epoch ")]
    assert [line.split()[3] for line in epochs] == ["1/2", "2/2"]
    assert all(word in epochs[0] for word in ("train loss", "valid loss", "accuracy", "IC"))
    assert sum("accuracy is the share of right signs" in line for line in lines) == 1
    logged = (workplace / "logs" / "training.log").read_text().splitlines()
    assert set(epochs) <= {line.partition("] ")[2] for line in logged}


def test_saves_a_model_that_scores_a_record_and_events(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("--json") == 0
    document = json.loads(capsys.readouterr().out)
    folder = Path(document["folder"])
    assert folder.name.startswith("lstm_BTCUSDT_1h_20250303")
    assert LstmPredictor((folder / ONNX_FILE).read_bytes()).columns == 30
    record = json.loads(Path(document["record"]).read_text())
    assert record["config"]["lstm"]["hidden_size"] == 8
    assert record["seed"] == 7
    assert record["result"]["test"]["rows"] == document["test"]["rows"] > 300
    assert only(workplace / "runs" / "tensorboard", "*/events.out.tfevents.*").stat().st_size > 100


def test_same_command_gives_the_same_bytes(workplace: Path) -> None:
    contents = []
    for _ in range(2):
        assert train() == 0
        folder = only(workplace / "models" / "lstm", "lstm_*")
        contents.append([(folder / name).read_bytes() for name in (ONNX_FILE, WEIGHTS_FILE)])
    assert contents[0] == contents[1]


def test_killed_before_the_end_leaves_no_model(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lstm_run, "judge", killed)
    assert train() == 130
    assert not list(workplace.rglob(ONNX_FILE))


def test_starts_from_a_source_model_with_its_shape(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train() == 0
    source = only(workplace / "models" / "lstm", "lstm_*")
    again = ["--epochs", "1", "--seeds", "1", "--json", "--no-bundle", "--source-model", str(source)]
    assert main(["train", "lstm", "--target-symbol", "BTCUSDT", *again]) == 0
    out = capsys.readouterr().out
    record = json.loads(Path(json.loads(out[out.index("{") :])["record"]).read_text())
    assert record["config"]["source_model"] == str(source)
    assert record["config"]["lstm"]["hidden_size"] == 8
    assert record["config"]["lstm"]["lr"] == pytest.approx(0.0005)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--dropout", "3"], "--dropout is 3.0"),
        (["--device", "tpu"], "--device is 'tpu'; auto, cpu or cuda is needed"),
        (["--source-model", "nowhere"], "found no file"),
        (["--symbol", "NOPEUSDT"], "found no candles"),
        (["--threads", "0"], "threads is 0"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(
    workplace: Path, capsys: pytest.CaptureFixture[str], options: list[str], complaint: str
) -> None:
    assert train(*options) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("sigma: ")]
    assert len(said) == 1
    assert complaint in said[0]
    assert not (workplace / "models").exists()


def test_source_that_has_seen_more_than_a_fold_may_know_is_not_used(workplace: Path) -> None:
    assert train() == 0
    source = read_weights(only(workplace / "models" / "lstm", "lstm_*") / WEIGHTS_FILE)
    dataset = open_dataset(load(), Candles(symbols="BTCUSDT", timeframe="1h"))
    settings = LstmSettings(hidden_size=8, epochs=1, seeds=1)
    scratch, tuned = LstmFamily(settings=settings), LstmFamily(settings=settings, source=source)
    early, late = source.trained_until_ms - HOUR_MS, source.trained_until_ms
    assert tuned.fit(dataset, early).files == scratch.fit(dataset, early).files
    assert tuned.fit(dataset, late).files != scratch.fit(dataset, late).files


def test_bundle_of_an_lstm_loads_and_scores(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [word for word in QUICK if word != "--no-bundle"]
    assert main(["train", "lstm", "--symbol", "BTCUSDT", *arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    bundle = Registry(workplace / "models").get(document["bundle"], "builtin")
    assert bundle.manifest.families == ("lstm",)
    assert bundle.manifest.trained_until_ms == (480_000 + BARS) * HOUR_MS
