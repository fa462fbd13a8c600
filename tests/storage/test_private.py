"""What is its owner's alone: folders that were open to all are closed, and new files are born closed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.private import MASK, keep_private


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_open_folders_are_closed_and_new_files_are_the_owners(tmp_path: Path) -> None:
    wide, closed = tmp_path / "wide", tmp_path / "closed"
    wide.mkdir(mode=0o755)
    closed.mkdir(mode=0o500)
    keep_private([wide, closed, tmp_path / "absent"])
    (wide / "token").write_text("secret")
    (wide / "inside").mkdir()
    assert wide.stat().st_mode & 0o777 == 0o700
    assert closed.stat().st_mode & 0o777 == 0o500, "what is closed already stays as it is"
    assert (wide / "token").stat().st_mode & MASK == 0
    assert (wide / "inside").stat().st_mode & MASK == 0
    assert not (tmp_path / "absent").exists()


@pytest.mark.usefixtures("umask")
def test_what_cannot_be_closed_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide, after = tmp_path / "mounted", tmp_path / "after"
    wide.mkdir(mode=0o755)
    after.mkdir(mode=0o755)
    chmod = Path.chmod

    def refused(path: Path, mode: int) -> None:
        if path == wide:
            raise PermissionError(1, "Operation not permitted")
        chmod(path, mode)

    monkeypatch.setattr(Path, "chmod", refused)
    keep_private([wide, after])
    assert [folder.stat().st_mode & 0o777 for folder in (wide, after)] == [0o755, 0o700]
