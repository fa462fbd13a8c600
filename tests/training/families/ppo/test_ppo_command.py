"""`sigma train ppo`: lines, files, records and errors, as a person meets them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("stable_baselines3")

from storage.candles.store import CandleStore
from strategies.predictors.ppo import load
from strategies.predictors.ppo_model import FILE, ONNX_FILE
from tests.made_markets import random_candles
from training.__main__ import main
from training.families.ppo import run as ppo_run

BARS = 5000
QUICK = ["--total-timesteps", "8192", "--n-envs", "64", "--seeds", "2", "--device", "cpu"]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with one market's candles."""
    store = CandleStore(tmp_path / "data" / "historical")
    store.append("builtin", "BTCUSDT", "1h", "futures", random_candles(BARS, edge=0.1), np.zeros(BARS, np.uint8))
    (tmp_path / "config.toml").write_text("[ppo]\nepisode_bars = 100\nhidden_size = 16\nrollout_steps = 32\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(*options: str) -> int:
    return main(["train", "ppo", "--symbol", "BTCUSDT", "--timeframe", "1h", *QUICK, *options])


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def test_says_the_device_first_then_episodes_reward_equity_and_ic(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train() == 0
    said = capsys.readouterr()
    lines = said.err.splitlines()
    assert lines[0].startswith("training PPO on cpu (")
    steps = [line for line in lines if line.startswith("seed ")]
    assert {line.split()[1] for line in steps} == {"7", "8"}
    assert all(word in steps[0] for word in ("episodes", "reward", "equity", "valid IC", "net Sharpe", "steps/s"))
    assert "median of 2 seeds" in said.out
    logged = (workplace / "logs" / "training.log").read_text().splitlines()
    assert set(steps) <= {line.partition("] ")[2] for line in logged}


def test_saves_a_model_that_votes_a_record_and_events(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("--json") == 0
    document = json.loads(capsys.readouterr().out)
    folder = Path(document["folder"])
    predictor = load({FILE: (folder / FILE).read_bytes()})
    assert len(predictor.model.policies) == 2
    assert (folder / ONNX_FILE).stat().st_size > 1000
    record = json.loads(Path(document["record"]).read_text())
    assert record["config"]["ppo"]["environments"] == 64
    assert record["config"]["ppo"]["reward"]["volatility_return"] == 1.0
    assert record["seed"] == 7
    assert record["result"]["median"]["rows"] == document["median"]["rows"] > 300
    assert len(document["seeds"]) == 2
    assert only(workplace / "runs" / "tensorboard", "*/events.out.tfevents.*").stat().st_size > 100
    assert not list(workplace.rglob("*.zip"))


def test_same_command_gives_the_same_bytes(workplace: Path) -> None:
    contents = []
    for _ in range(2):
        assert train() == 0
        folder = only(workplace / "models" / "ppo", "ppo_*")
        contents.append([(folder / name).read_bytes() for name in (FILE, ONNX_FILE)])
    assert contents[0] == contents[1]


def test_killed_before_the_end_leaves_no_model(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ppo_run, "judge", killed)
    assert train() == 130
    assert not list(workplace.rglob(FILE))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--n-envs", "0"], "--n-envs is 0"),
        (["--learning-rate", "-1"], "--learning-rate is -1"),
        (["--device", "tpu"], "auto, cpu or cuda"),
        (["--symbol", "NONEUSDT"], "found no candles"),
    ],
)
def test_wrong_options_are_one_line_and_exit_2(
    workplace: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert train(*options) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert not list(workplace.rglob(FILE))


def test_too_short_a_history_says_what_is_needed(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workplace / "config.toml").write_text("[ppo]\nepisode_bars = 50000\n")
    assert train() != 0
    assert "50000 warm bars" in capsys.readouterr().err.splitlines()[-1]
