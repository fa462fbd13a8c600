"""Trained models keep apart by what they hold, are found by any of their names, and are never overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.models.artefacts import facts_of, find_artefact, save_artefact
from storage.models.worth import Worth, shares_of, worth_of
from strategies.bundle.bundle import trend_bundle
from strategies.errors import BadInput

NAME = "lstm_BTCUSDT_1h_20240701T0000"


def test_two_trainings_of_one_name_stand_beside_each_other(tmp_path: Path) -> None:
    first = save_artefact(tmp_path, "lstm", NAME, {"weights": b"one"}, {"test_mode": False})
    second = save_artefact(tmp_path, "lstm", NAME, {"weights": b"two"}, {"test_mode": True})
    assert first.folder != second.folder
    assert (first.folder / "weights").read_bytes() == b"one"
    assert (second.folder / "weights").read_bytes() == b"two"
    assert facts_of(second.folder)["test_mode"] is True


def test_equal_trainings_share_a_folder_that_stays_as_it_was(tmp_path: Path) -> None:
    first = save_artefact(tmp_path, "lstm", NAME, {"weights": b"one"}, {"seed": 1})
    again = save_artefact(tmp_path, "lstm", NAME, {"weights": b"one"}, {"seed": 2})
    assert again.folder == first.folder
    assert facts_of(first.folder)["seed"] == 1


def test_a_model_is_found_by_path_name_alias_or_digits_while_they_are_plain(tmp_path: Path) -> None:
    first = save_artefact(tmp_path, "lstm", NAME, {"weights": b"one"}, {})
    for name in (str(first.folder), first.folder.name, NAME, first.digest):
        assert find_artefact(tmp_path, "lstm", name) == first.folder
    assert find_artefact(tmp_path, "lstm", "another") is None
    save_artefact(tmp_path, "lstm", NAME, {"weights": b"two"}, {})
    with pytest.raises(BadInput, match=r"may be .*the full name is needed"):
        find_artefact(tmp_path, "lstm", NAME)


def test_killed_while_writing_leaves_no_model_under_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        save_artefact(tmp_path, "lstm", NAME, {"weights": b"one"}, {})
    assert not list(tmp_path.rglob("weights"))
    assert not list(tmp_path.rglob("artefact.json"))


def test_a_bundle_is_told_in_the_figures_that_its_training_printed() -> None:
    manifest = trend_bundle().manifest
    assert worth_of(manifest, {}) == Worth(ic=None, auc=None)
    assert worth_of(manifest, {"worth": {"ic": 0.04, "auc": 0.52}}) == Worth(ic=0.04, auc=0.52)
    assert shares_of({"xgboost": 1.0, "lstm": 3.0, "ridge": 0.0, "ppo": 0.0}, 0.2) == {
        "xgboost": "25% of the blend",
        "lstm": "75% of the blend",
        "ridge": "no vote",
        "ppo": "joins with weight 0.20",
    }
