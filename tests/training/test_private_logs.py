"""The training log is rotated, masked and its owner's alone; the fold cache stays within its bound."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from training.runtime.file_cache import prune
from training.runtime.log_file import append


def test_a_full_training_log_makes_room_and_never_shows_a_secret(make_config) -> None:
    config = make_config("[logs]\nmax_mb = 0.001\nkeep = 2", SIGMA_WEB__TOKEN="very-secret-token")
    for number in range(60):
        append(config, "training.log", f"line {number} very-secret-token {'x' * 60}")
    folder = Path(config.logs.directory)
    assert sorted(path.name for path in folder.glob("training.log*")) == [
        "training.log",
        "training.log.1",
        "training.log.2",
    ]
    for path in folder.glob("training.log*"):
        assert "very-secret" not in path.read_text()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "line 59 ***" in (folder / "training.log").read_text()


def test_the_folds_that_were_used_longest_ago_give_way(tmp_path: Path) -> None:
    for number in range(4):
        folder = tmp_path / f"key-{number}"
        folder.mkdir()
        (folder / "model.ubj").write_bytes(bytes(100))
        os.utime(folder, (number, number))
    assert prune(tmp_path, 250) == 2
    assert sorted(path.name for path in tmp_path.glob("key-*")) == ["key-2", "key-3"]
    assert prune(tmp_path, 250) == 0
