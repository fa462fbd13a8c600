"""The trial ledger: what was appended is read, whatever crashed in between."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from storage.models.trial_log import FILE, Trial, read_trials, record_trial
from strategies.errors import StorageFailed

TRIAL = Trial(at_ms=1, kind="tune xgboost", recipe="abc", params={"max_depth": 3}, ic=0.05)


def test_trials_are_read_in_the_order_they_were_recorded(tmp_path: Path) -> None:
    trials = [replace(TRIAL, at_ms=at) for at in range(3)]
    for trial in trials:
        record_trial(trial, tmp_path / "runs")
    assert read_trials(tmp_path / "runs") == trials


def test_there_are_no_trials_before_the_first(tmp_path: Path) -> None:
    assert read_trials(tmp_path) == []


def test_a_line_cut_by_a_crash_costs_only_itself(tmp_path: Path) -> None:
    record_trial(TRIAL, tmp_path)
    with (tmp_path / FILE).open("a") as file:
        file.write('{"at_ms": 2, "kind": "tu')
    record_trial(replace(TRIAL, at_ms=3), tmp_path)
    assert [trial.at_ms for trial in read_trials(tmp_path)] == [1, 3]


def test_what_is_not_a_number_is_recorded_as_unknown(tmp_path: Path) -> None:
    record_trial(replace(TRIAL, ic=math.nan, sharpe=math.inf), tmp_path)
    [trial] = read_trials(tmp_path)
    assert trial.ic is None
    assert trial.sharpe is None


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file stands here")
    with pytest.raises(StorageFailed, match="runs"):
        record_trial(TRIAL, tmp_path / "runs")
