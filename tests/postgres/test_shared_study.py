"""Tuners that share a study on a real PostgreSQL: each trial once, other settings each, a dead one's trial given up."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import make_url

pytest.importorskip("optuna")

from storage.ledger.database import known_revisions, revision_of
from storage.models.trial_log import read_trials
from tests.builders import ROOT
from tests.postgres.shared_study import HEARTBEAT_S, TRIALS
from training.tuning.study_storage import SCHEMA

PROGRAM = [sys.executable, "-m", "tests.postgres.shared_study"]


def opened(url: str) -> tuple[Any, Any]:
    """Return storage and study."""
    import optuna

    inside = make_url(url).update_query_dict({"options": f"-csearch_path={SCHEMA}"})
    storage = optuna.storages.RDBStorage(inside.render_as_string(False), heartbeat_interval=HEARTBEAT_S)
    [name] = optuna.get_all_study_names(storage)
    return storage, optuna.load_study(study_name=name, storage=storage)


def trials(url: str) -> list[tuple[int, str, str]]:
    """Return (number, state, parameters) of every trial of the study."""
    _, study = opened(url)
    return [(part.number, part.state.name, str(sorted(part.params.items()))) for part in study.get_trials()]


@pytest.mark.timeout(280)
def test_two_tuners_share_a_study_and_survive_a_third(postgres: Database, tmp_path: Path) -> None:
    url = postgres.url.render_as_string(hide_password=False)
    died = subprocess.run([*PROGRAM, url, str(tmp_path / "dead"), "die"], cwd=ROOT, capture_output=True, timeout=120)
    assert died.returncode == -9, died.stderr.decode()
    [(number, state, _)] = trials(url)
    assert (number, state) == (0, "COMPLETE")
    left_running(url)
    time.sleep(2 * HEARTBEAT_S + 1)  # its last sign of life is too long ago by now
    tuners = [
        subprocess.Popen([*PROGRAM, url, str(tmp_path / name)], cwd=ROOT, stderr=subprocess.PIPE)
        for name in ("first", "second")
    ]
    for tuner in tuners:
        _, said = tuner.communicate(timeout=240)
        assert tuner.returncode == 0, said.decode()
    found = trials(url)
    begun = [(number, state) for number, state, _ in found if number < TRIALS]
    assert [number for number, _ in begun] == list(range(TRIALS))
    assert dict(begun)[1] == "FAIL"  # of the dead one
    assert {state for number, state in begun if number != 1} <= {"COMPLETE", "PRUNED"}
    assert {state for number, state, _ in found if number >= TRIALS} <= {"FAIL"}
    tried = [params for number, state, params in found if number < TRIALS and state != "FAIL"]
    assert len(set(tried)) == len(tried)
    ledgers = [read_trials(tmp_path / name) for name in ("first", "second")]
    assert sum(map(len, ledgers)) == TRIALS - 2
    assert all(ledgers)
    with postgres.connect() as connection:
        assert revision_of(connection) == known_revisions()[0]  # the ledger in the same database is none the wiser


def left_running(url: str) -> None:
    """Leave a trial as a tuner leaves it that dies in a fit: begun, with one sign of life."""
    storage, study = opened(url)
    trial = study.ask()
    storage.record_heartbeat(trial._trial_id)
