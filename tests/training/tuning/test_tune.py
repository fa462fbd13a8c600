"""Tuning: scores proposals out of fold, goes on after a kill, and leaves every trial in the ledger."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("optuna")

from storage.candles.store import CandleStore
from storage.config.tree import Config, load
from storage.durable import folder_lock
from storage.models.trial_log import read_trials
from strategies.errors import BadInput, StorageFailed
from tests.made_bundles import made_dataset
from tests.made_markets import random_candles
from training.__main__ import main
from training.tuning.search_space import SPACES, configured
from training.tuning.study_trials import Scored, StudyRequest
from training.tuning.tune import tune

REQUEST = StudyRequest(
    family="ridge", trials=3, years=3.0, seed=1, workers=1, resume=False, test_mode=False, started_ms=1_700_000_000_000
)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = Config()
    return config.model_copy(update={"paths": config.paths.model_copy(update={"runs": tmp_path / "runs"})})


def test_a_planted_edge_is_scored_and_every_trial_is_in_the_ledger(config: Config) -> None:
    seen: list[Scored] = []
    tuned = tune(made_dataset(), config, REQUEST, seen.append)
    assert [trial.number for trial in seen] == [0, 1, 2]
    assert tuned.ranked[0].ic == max(trial.ic for trial in tuned.ranked) > 0.15
    assert tuned.ranked[0].ic > 4 * tuned.null_deviation
    ledger = read_trials(config.paths.runs)
    assert [(trial.kind, trial.params, trial.ic) for trial in ledger] == [
        ("tune ridge", trial.params, trial.ic) for trial in seen
    ]
    assert len({trial.recipe for trial in ledger}) == 3
    assert all(trial.at_ms >= REQUEST.started_ms for trial in ledger)


def test_an_interrupted_study_goes_on_only_when_asked_to(config: Config) -> None:
    seen: list[Scored] = []

    def stop_at_the_second(scored: Scored) -> None:
        seen.append(scored)
        if scored.number == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(made_dataset(), config, replace(REQUEST, trials=4), stop_at_the_second)
    with pytest.raises(BadInput, match="--resume goes on"):
        tune(made_dataset(), config, replace(REQUEST, trials=4))
    tuned = tune(made_dataset(), config, replace(REQUEST, trials=4, resume=True), seen.append)
    assert [trial.number for trial in seen] == [0, 1, 2, 3]
    assert len(tuned.trials) == 4
    again = tune(made_dataset(), config, replace(REQUEST, trials=4, resume=True), seen.append)
    assert again.trials == tuned.trials
    assert len(seen) == 4


def test_one_seed_proposes_and_scores_the_same(config: Config, tmp_path: Path) -> None:
    elsewhere = config.model_copy(update={"paths": config.paths.model_copy(update={"runs": tmp_path / "other"})})
    first, second = tune(made_dataset(), config, REQUEST), tune(made_dataset(), elsewhere, REQUEST)
    assert [(t.params, t.ic) for t in first.trials] == [(t.params, t.ic) for t in second.trials]


def test_two_workers_share_the_trials(config: Config) -> None:
    tuned = tune(made_dataset(bars=3000), config, replace(REQUEST, trials=4, workers=2))
    assert [trial.number for trial in tuned.trials] == [0, 1, 2, 3]
    assert len(read_trials(config.paths.runs)) == 4


def test_a_study_has_one_runner(config: Config) -> None:
    name = tune(made_dataset(), config, replace(REQUEST, trials=1)).folder
    with folder_lock(name), pytest.raises(StorageFailed, match="another process"):
        tune(made_dataset(), config, replace(REQUEST, resume=True))


def test_every_space_stays_within_the_settings(config: Config) -> None:
    import optuna

    for family, space in SPACES.items():
        for draw in range(20):
            study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=draw))
            changes = space(study.ask())
            assert getattr(configured(config, family, changes), family).model_dump().items() >= changes.items()
    with pytest.raises(BadInput, match="hidden_size"):
        configured(config, "lstm", {"hidden_size": 0})


def test_the_command_prints_the_best_settings_and_where_the_study_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    store = CandleStore(tmp_path / load().data.directory)
    store.append("builtin", "BTCUSDT", "1h", "futures", random_candles(4000, edge=0.15))
    words = ["tune", "xgboost", "--symbol", "BTCUSDT", "--timeframe", "1h", "--trials", "2", "--test-mode", "--json"]
    assert main(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["trials"] == 2
    assert Path(document["folder"], "study.db").is_file()
    assert Path(document["record"]).is_file()
    assert document["config"]["xgboost"] == document["ranked"][0]["params"]
    assert main(words) == 2
    assert "--resume goes on" in capsys.readouterr().err
