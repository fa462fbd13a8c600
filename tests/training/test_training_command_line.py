"""`python -m training`: finds its commands by file, answers in one document, fails in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from storage.candles.store import CandleStore
from strategies.market import Timeframe
from tests.made_markets import random_candles
from training.__main__ import main
from training.command_line import names

ROOT = Path(__file__).parents[2]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with one made-up market with a planted edge, made the working directory."""
    store = CandleStore(tmp_path / "data" / "historical")
    store.append("made", "AAAUSDT", Timeframe.H1, "futures", random_candles(4000, seed=1, edge=0.15))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGMA_TRAINING__THREADS", "1")
    return tmp_path


def test_commands_are_the_files_of_the_folder() -> None:
    assert {"train bundle", "train xgboost", "train ridge"} <= set(names())


def test_train_bundle_prints_one_document_with_the_bundle_and_the_verdict(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "bundle", "--symbols", "AAAUSDT", "--exchange", "made", "--families", "ridge", "--json"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert (workplace / "models" / "bundles" / document["bundle"] / "ridge.json").is_file()
    assert document["verdict"]["passed"] in (True, False)
    assert "fold 1 of 3" in captured.err
    record = json.loads((workplace / document["record"]).read_text())
    assert {"config", "data_hash", "git_commit", "versions", "seed", "device", "duration_s"} <= set(record)


def test_train_xgboost_reports_importance_and_draws_it(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--symbols", "AAAUSDT", "--exchange", "made", "--n-estimators", "20", "--seeds", "1", "--no-bundle"]
    assert main(["train", "xgboost", *options, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert sum(document["gain"].values()) == pytest.approx(1.0)
    assert set(document["ic"]) == {"train", "valid", "test"}
    assert Path(document["plot"]).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["train", "bundel"], "did you mean train bundle?"),
        (["trian"], "unknown command 'trian'"),
        (["train", "bundle", "--epochs", "3"], "--help says what is possible"),
        (["train", "bundle", "--timeframe", "7h"], "timeframe '7h' is unknown"),
        (["train", "bundle", "--until", "yesterday"], "is not a day"),
        (["train", "bundle", "--families", "oracle"], "'oracle'"),
        (["train", "bundle", "--symbols", "ZZZUSDT"], "found no candles"),
        (["train", "xgboost", "--task", "magic"], "task 'magic' is unknown"),
        (["train", "bundle", "--config"], "--config needs a file"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_two(
    workplace: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    assert main([*arguments]) == 2
    captured = capsys.readouterr()
    assert complaint in captured.err
    assert captured.err.strip().count("\n") == 0
    assert captured.out == ""


def test_weights_that_bundles_do_not_know_are_refused(
    workplace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGMA_ENSEMBLE__WEIGHTS", "majority")
    assert main(["train", "bundle", "--symbols", "AAAUSDT", "--exchange", "made"]) == 2
    assert '[ensemble] weights is "majority"' in capsys.readouterr().err


def test_help_lists_commands_with_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    assert "Train, calibrate and pack a bundle" in capsys.readouterr().out


def test_scoring_loads_neither_torch_nor_sklearn_nor_stable_baselines() -> None:
    code = (
        "import sys, strategies.bundle.bundle, strategies.explain.reasons, storage.models.registry;"
        "from strategies.predictors.xgboost import import_xgboost; import_xgboost();"
        "print([m for m in ('torch', 'sklearn', 'stable_baselines3') if sys.modules.get(m)])"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
