"""A cache whose disk takes nothing costs time, and nothing else."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from training.runtime.file_cache import FileCache

FILES = {"model.bin": b"a model", "card.json": b"{}"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of our own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    if subprocess.run(line, capture_output=True).returncode:
        pytest.skip("a tmpfs cannot be mounted here: only root may")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_what_was_kept_is_found_on_a_disk_that_takes_no_writes_any_more(disk: Path) -> None:
    FileCache(root=disk).keep("a", FILES)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    assert FileCache(root=disk).files("a", lambda: {}) == FILES
    assert FileCache(root=disk).files("b", lambda: FILES) == FILES
    assert FileCache(root=disk).find("b") is None


def test_what_finds_no_room_is_fitted_and_said_once(disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    large = {"model.bin": bytes(2 << 20)}
    for name in ("a", "b", "c"):
        assert FileCache(root=disk).files(name, lambda: large) == large
    assert capsys.readouterr().err.count("results are not kept") == 1
    assert FileCache(root=disk).files("d", lambda: FILES) == FILES
    assert FileCache(root=disk).find("d") == FILES


def test_a_folder_that_cannot_be_made_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file in its place")
    assert FileCache(root=tmp_path / "runs" / "folds").files("a", lambda: FILES) == FILES


def test_what_was_used_longest_ago_gives_way(tmp_path: Path) -> None:
    size = 10_000
    cache = FileCache(root=tmp_path, max_bytes=64 * 2 * size)
    for number in range(200):
        cache.keep(f"{number:03d}", {"model.bin": bytes(size)})
    held = sorted(path.name for path in tmp_path.iterdir() if path.is_dir())
    assert 120 < len(held) < 132  # checksums take room as well, and a look comes with every second result
    assert held[-1] == "199"
    assert held == [f"{number:03d}" for number in range(200 - len(held), 200)]
