"""Results on disk under a digest of what shaped them: found again whole, or made again.

What is stored are files (UBJSON, ONNX, JSON, safetensors, plain arrays) with their checksums, written last: a folder
without them is unfinished, and anything that is not as it was stored counts as absent. The folders used longest ago
give way.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from storage.durable import folder_lock, replace_files

MAX_BYTES: Final = 4 << 30  # of all results under one folder
CHECKSUMS: Final = "checksums.json"  # written last: a folder without it is unfinished


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCache:
    """Files by key under one folder; without a folder nothing is kept."""

    root: Path | None = None

    def files(self, key: str, fit: Callable[[], Mapping[str, bytes]]) -> dict[str, bytes]:
        """Return the stored files of a key, or fit and store them.

        Raises:
            StorageFailed: the folder cannot be written.
        """
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
            os.utime(self.root / key)  # the time of its last use
        return found

    def keep(self, key: str, files: Mapping[str, bytes]) -> None:
        """Store the files of a key.

        Raises:
            StorageFailed: the folder cannot be written.
        """
        if self.root is not None:
            _write(self.root / key, files)
            prune(self.root, MAX_BYTES)


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
