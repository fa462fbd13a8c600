"""Trained models that are no bundles: content-addressed folders with a readable name, never overwritten.

    models/lstm/lstm_BTCUSDT_1h_20240701T0000-3f2a91c0/lstm.safetensors, lstm.onnx, artefact.json

The digits are of the files themselves: equal trainings share a folder, others never meet. The readable part alone
finds the folder too, as long as it is the only one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from storage.durable import folder_lock, replace_files
from storage.models.documents import document_of
from strategies.errors import BadInput

FACTS: Final = "artefact.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """What a folder of a trained model says: files' digest, family, and the facts of its making."""

    folder: Path
    digest: str
    facts: Mapping[str, Any]


def save_artefact(root: Path, family: str, name: str, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> Artefact:
    """Write a trained model; equal files are stored once.

    Args:
        root: folder of models.
        family: the folder under it, "lstm".
        name: readable, "lstm_BTCUSDT_1h_20240701T0000".
        files: content by file name.
        facts: what a person or a transfer must know: symbols, timeframe, horizon, features, test mode.

    Raises:
        StorageFailed: the folder cannot be written.
    """
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file} {hashlib.sha256(files[file]).hexdigest()}\n".encode())
    number = digest.hexdigest()[:8]
    folder = root / family / f"{name}-{number}"
    known = {"family": family, "digest": digest.hexdigest(), **facts}
    if not (folder / FACTS).is_file():
        with folder_lock(folder):
            contents = {**files, FACTS: json.dumps(known, indent=1, sort_keys=True, default=str).encode()}
            replace_files([(folder / file, _writer(content)) for file, content in contents.items()])
    return Artefact(folder=folder, digest=number, facts=known)


def find_artefact(root: Path, family: str, name: str) -> Path | None:
    """Return the folder of a trained model by path, full name, readable part or digits; None: there is none.

    Raises:
        BadInput: the name fits several.
    """
    if Path(name).is_dir():
        return Path(name)
    folder = root / family
    known = [path for path in sorted(folder.iterdir()) if path.is_dir()] if folder.is_dir() else []
    exact = [path for path in known if path.name == name]
    fitting = exact or [
        path for path in known if path.name.rpartition("-")[0] == name or path.name.rpartition("-")[2] == name
    ]
    if len(fitting) > 1:
        raise BadInput(f"{name!r} may be {', '.join(path.name for path in fitting)}; the full name is needed")
    return fitting[0] if fitting else None


def facts_of(folder: Path) -> dict[str, Any]:
    """Return what a model's folder says of itself; {} where it says nothing."""
    return document_of(folder / FACTS)


def _writer(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content)

    return write
