"""Results on disk under a digest of what shaped them: found again whole, or made again.

What is stored are files (UBJSON, ONNX, JSON, safetensors, plain arrays) with their checksums, written last: a folder
without them is unfinished, and anything that is not as it was stored counts as absent. The folders used longest ago
give way. Where the disk takes nothing, results are made anew each time, and that is said once.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from storage.durable import folder_lock, replace_files
from strategies.errors import StorageFailed
from training.runtime.progress import say

MAX_BYTES: Final = 4 << 30  # of all results under one folder
LOOKS: Final = 64  # at all that is stored, while as much is kept as may be: a look reads every folder
CHECKSUMS: Final = "checksums.json"  # written last: a folder without it is unfinished


@dataclass(slots=True, kw_only=True, eq=False)
class FileCache:
    """Files by key under one folder; without a folder nothing is kept."""

    root: Path | None = None
    max_bytes: int = MAX_BYTES
    _unpruned_bytes: int = field(default=MAX_BYTES, init=False, repr=False)  # the first result calls for a look

    def files(self, key: str, fit: Callable[[], Mapping[str, bytes]]) -> dict[str, bytes]:
        """Return the stored files of a key, or fit and store them."""
        found = self.find(key)
        if found is None:
            found = dict(fit())
            self.keep(key, found)
        return found

    def find(self, key: str) -> dict[str, bytes] | None:
        """Return the stored files of a key; None: there are none, or not all as they were stored."""
        if self.root is None:
            return None
        found = _read(self.root / key)
        if found is not None:
            with suppress(OSError):  # a disk that takes no writes
                os.utime(self.root / key)  # the time of its last use
        return found

    def keep(self, key: str, files: Mapping[str, bytes]) -> None:
        """Store the files of a key, where they can be stored."""
        if self.root is None:
            return
        try:
            _write(self.root / key, files)
            self._unpruned_bytes += sum(map(len, files.values()))
            if self._unpruned_bytes >= self.max_bytes // LOOKS:
                prune(self.root, self.max_bytes)
                self._unpruned_bytes = 0
        except StorageFailed as error:
            _say_once(self.root, getattr(error.__cause__, "strerror", None) or "it cannot be written")


@cache
def _say_once(root: Path, reason: str) -> None:
    say(f"results are not kept under {root}: {reason}")


def prune(root: Path, max_bytes: int) -> int:
    """Remove the folders that were used longest ago until the rest fits; return how many were removed."""
    with folder_lock(root):
        folders = sorted(
            (path for path in root.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime_ns, reverse=True
        )
        kept = removed = 0
        for folder in folders:
            kept += sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
            if kept > max_bytes:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    return removed


def _read(folder: Path) -> dict[str, bytes] | None:
    try:
        checksums: dict[str, str] = json.loads((folder / CHECKSUMS).read_bytes())
        files = {name: (folder / name).read_bytes() for name in checksums}
    except (OSError, ValueError):
        return None
    whole = all(hashlib.sha256(files[name]).hexdigest() == digest for name, digest in checksums.items())
    return files if whole else None


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    contents = {**files, CHECKSUMS: json.dumps(checksums, sort_keys=True).encode()}
    with folder_lock(folder):
        replace_files([(folder / name, _writer(content)) for name, content in contents.items()])


def _writer(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content)

    return write
