"""Files that survive a crash: staged, synced, renamed; one writer a folder.

Below every store that keeps plain files. Knows nothing of candles or bundles.
A reader sees the old file or the new one, never a part of either, and needs no lock.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from strategies.errors import StorageAway, StorageFailed

STAGED_SUFFIX = ".staged"
LOCK_NAME = ".lock"
LOCK_PAUSE_S = 0.05
_PASSING: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENFILE, errno.EMFILE})


def failure(message: str, error: OSError) -> StorageFailed:
    """Return what to raise for an error of a disk: one that may pass, or one that asks for a hand."""
    return (StorageAway if error.errno in _PASSING else StorageFailed)(message)


@contextmanager
def folder_lock(folder: Path, patience_s: float = 30.0) -> Iterator[None]:
    """Hold the folder's write lock (created with its parents when missing).

    Raises:
        StorageFailed: another process kept the lock longer than `patience_s`, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise failure(f"{folder} cannot be written: {error.strerror}", error) from error
    try:
        _wait_for_lock(descriptor, folder, patience_s)
        yield
    finally:
        os.close(descriptor)


def _wait_for_lock(descriptor: int, folder: Path, patience_s: float) -> None:
    for attempt in range(max(1, round(patience_s / LOCK_PAUSE_S))):
        if attempt:
            time.sleep(LOCK_PAUSE_S)
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
    raise StorageFailed(f"{folder} is being written by another process (waited {patience_s:g} s for its lock)")


def replace_files(contents: Sequence[tuple[Path, Callable[[Path], None]]]) -> None:
    """Write several files of one folder so that each is old or new, and none changes unless all could be written.

    Every file is first written and synced under a staging name; only then are they renamed, in the order given.
    A crash while staging changes nothing; a crash while renaming leaves a prefix of the new files.

    Args:
        contents: (target, function that writes the path it is given). All targets lie in one folder.

    Raises:
        StorageFailed: a file could not be written (disk full, permissions), the targets are untouched; or it could not
            be put in place, and those before it were.
    """
    if not contents:
        return
    staged: list[tuple[Path, Path]] = []
    try:
        for target, write in contents:
            stage = target.with_name(f".{target.name}{STAGED_SUFFIX}")
            staged.append((stage, target))
            write(stage)
            sync(stage)
    except OSError as error:
        for stage, _ in staged:
            with suppress(OSError):  # a read-only disk refuses that, too
                stage.unlink(missing_ok=True)
        text = f"{target} could not be written: {error.strerror or error}; nothing was changed"
        raise failure(text, error) from error
    try:
        for stage, target in staged:
            os.replace(stage, target)
        sync(contents[0][0].parent)
    except OSError as error:  # a folder in its place, a disk that turned read-only
        raise failure(f"{target} could not be put in place: {error.strerror or error}", error) from error


def remove_staged(folder: Path) -> None:
    """Delete what a killed writer left behind; call it under the folder's lock."""
    for stage in folder.glob(f".*{STAGED_SUFFIX}"):
        with suppress(OSError):  # whoever writes there next is told why not
            stage.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_at(path: Path, descriptor: int) -> bool:
    """Return whether an open file is the one that lies at a path: another, or none, may lie there by now."""
    try:
        found = path.stat()
    except OSError:
        return False
    ours = os.fstat(descriptor)
    return (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)
