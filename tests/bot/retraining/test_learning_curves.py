"""Learning curves: told by trainers as lines of JSON, kept by the daemon, apart from what every pulse carries."""

from __future__ import annotations

import json

import pytest

from bot.retraining.steps import point_of, step_of
from training.runtime.learning_curves import curve


def test_a_trainer_tells_a_daemon_and_nobody_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    curve("lstm", 1, 8, {"training loss": 1.25})
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("SIGMA_STARTED_BY", "daemon")
    curve("lstm", 1, 8, {"training loss": 1.25, "validation loss": None, "reward": float("nan")})
    line = capsys.readouterr().err.strip()
    found = point_of(line)
    assert found is not None
    assert (found.curve, found.at, found.of, found.values) == ("lstm", 1, 8, {"training loss": 1.25})
    assert step_of(line) is None


@pytest.mark.parametrize(
    "line", ["words", '{"stage": "fits", "done": 1, "total": 2, "eta_s": 3}', '{"curve": 1', '{"curve": "a"}', "{}"]
)
def test_other_lines_tell_no_point(line: str) -> None:
    assert point_of(line) is None


def test_a_pulse_carries_no_points() -> None:
    from bot.values.training import TrainingProgress

    assert "points" not in json.loads(TrainingProgress().model_dump_json())
