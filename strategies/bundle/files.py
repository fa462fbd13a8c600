"""The files of a bundle: names, content address, checks. What is wrong is named; nothing here unpickles."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import ValidationError

from strategies.bundle.manifest import LAYOUT, Manifest
from strategies.errors import BundleRefused

MANIFEST: Final = "manifest.json"
RECORD: Final = "record.json"  # when, how long, which commit: not part of the identity
PROBE_CANDLES: Final = "probe_candles.npy"
PROBE_SCORES: Final = "probe_scores.npy"
MAX_FILE_BYTES: Final = 512 * 1024 * 1024


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return the files of a bundle's folder.

    Raises:
        BundleRefused: the folder or a file cannot be read, or a file is absurdly large.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file())
        for path in paths:
            if path.stat().st_size > MAX_FILE_BYTES:
                raise BundleRefused(f"bundle {folder.name}: {path.name} is larger than {MAX_FILE_BYTES} bytes")
        return {path.name: path.read_bytes() for path in paths}
    except OSError as error:
        raise BundleRefused(f"bundle {folder} cannot be read: {error.strerror}") from error


def bundle_id(files: Mapping[str, bytes]) -> str:
    """Return the content address of a bundle's files, the record left out."""
    lines = [f"{name} {digest(files[name])}\n" for name in sorted(files) if name != RECORD]
    return "b-" + digest("".join(lines).encode())[:16]


def digest(content: bytes) -> str:
    """Return the sha256 of a file's content, in hex."""
    return hashlib.sha256(content).hexdigest()


def read_manifest(files: Mapping[str, bytes], name: str) -> Manifest:
    """Return the manifest of the bundle called `name`."""
    if MANIFEST not in files:
        raise BundleRefused(f"bundle {name} has no {MANIFEST}; found {', '.join(sorted(files)) or 'nothing'}")
    try:
        manifest = Manifest.model_validate_json(files[MANIFEST])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleRefused(f"bundle {name}: {MANIFEST} {where}: {first['msg']}") from error
    if manifest.layout != LAYOUT:
        raise BundleRefused(f"bundle {name} has layout {manifest.layout}, this version reads {LAYOUT}")
    return manifest


def check_files(files: Mapping[str, bytes], manifest: Manifest, name: str) -> None:
    """Check that exactly the named files are there, with the recorded content, under the right id."""
    found, named = set(files) - {MANIFEST, RECORD}, set(manifest.files)
    if found != named:
        raise BundleRefused(f"bundle {name} has files {sorted(found)}, its manifest names {sorted(named)}")
    for file, expected in manifest.files.items():
        if (actual := digest(files[file])) != expected:
            raise BundleRefused(f"bundle {name}: {file} has sha256 {actual[:16]}, the manifest says {expected[:16]}")
    if name.startswith("b-") and bundle_id(files) != name:
        raise BundleRefused(f"bundle {name} holds the content of {bundle_id(files)}")


def npy_bytes(array: np.ndarray) -> bytes:
    """Return an array as the bytes of an .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def read_npy(files: Mapping[str, bytes], file: str, name: str) -> np.ndarray:
    """Return the array of an .npy file; object arrays, which would need pickle, are refused."""
    try:
        return np.asarray(np.load(io.BytesIO(files[file]), allow_pickle=False))
    except (KeyError, ValueError, OSError) as error:
        raise BundleRefused(f"bundle {name}: {file} cannot be read: {error}") from error
