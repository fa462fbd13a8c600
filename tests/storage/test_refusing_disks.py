"""A disk that refuses (read-only, full): every command and store says so in a sentence, and leaves nothing behind."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.web.revoked import Revoked
from storage.backup.container import packed
from storage.backup.write import write_backup
from storage.durable import replace_files
from storage.failures import Unforeseen, unforeseen
from strategies.errors import StorageFailed
from tests.storage.backup.installations import empty


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder of a disk that lets nobody write."""
    folder = tmp_path / "disk"
    folder.mkdir()
    for options in ("size=1m", "remount,ro"):
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True).returncode:
            pytest.skip("a tmpfs cannot be mounted here: only root may")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_read_only_disk_refuses_a_file_in_words(read_only: Path) -> None:
    with pytest.raises(StorageFailed, match="Read-only file system; nothing was changed"):
        replace_files([(read_only / "a.json", lambda path: void(path.write_bytes(b"{}")))])


def test_a_read_only_disk_refuses_a_backup_in_words(read_only: Path, tmp_path: Path) -> None:
    here = empty(tmp_path / "here")
    with pytest.raises(StorageFailed, match="cannot be written: Read-only file system"):
        write_backup(here.database, here.places, read_only / "a.backup", created_ms=1, version="test")
    with pytest.raises(StorageFailed, match="Read-only file system"), packed(read_only / "a.backup"):
        pass


def test_a_signed_out_session_is_ended_where_it_cannot_be_written_down(read_only: Path) -> None:
    revoked = Revoked(read_only / "revoked.json")
    with pytest.raises(StorageFailed, match="Read-only file system"):
        revoked.add("s", 10)
    assert "s" in revoked


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EMFILE])
def test_what_the_disk_refuses_is_a_sentence_and_no_failure_of_ours(number: int) -> None:
    told = unforeseen(OSError(number, os.strerror(number), "out/report.html"), [])
    assert str(told) == f"out/report.html cannot be written or read: {os.strerror(number)}"
    assert not isinstance(told, Unforeseen)


def void(_value: object) -> None:
    """Forget a value."""
