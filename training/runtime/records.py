"""Run records: one JSON document per run under runs/, what was asked for, on what, by which code, and what came out."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from storage.durable import replace_files

LIBRARIES: Final = ("numpy", "numba", "xgboost-cpu", "xgboost", "torch", "onnxruntime", "TA-Lib", "scikit-learn")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What has to be known to repeat a run.

    Attributes:
        kind: the command, "train bundle".
        config: every setting that could change the result.
        data_hash: of the candles and features it saw.
        device: "cpu" or the card.
        duration_s: wall clock.
        result: the metrics.
    """

    kind: str
    config: Mapping[str, Any]
    data_hash: str
    seed: int
    device: str
    duration_s: float
    until_ms: int
    result: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Digest of everything but duration and result: equal runs share it."""
        text = json.dumps([self.kind, self.config, self.data_hash, self.seed, self.device], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def write(record: RunRecord, folder: Path = Path("runs")) -> Path:
    """Write the record atomically and return its path; one with another result is kept beside it, numbered."""
    document = {
        "id": record.id,
        "kind": record.kind,
        "config": record.config,
        "data_hash": record.data_hash,
        "until_ms": record.until_ms,
        "seed": record.seed,
        "device": record.device,
        "duration_s": round(record.duration_s, 3),
        "git_commit": git_commit(),
        "versions": versions(),
        "result": record.result,
    }
    content = json.dumps(document, indent=1, sort_keys=True, default=str).encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = _free_path(folder / f"{record.kind.replace(' ', '-')}-{record.id}.json", json.loads(content)["result"])

    def save(target: Path) -> None:
        target.write_bytes(content)

    if not path.exists():  # an equal run came to the same before: its record stays as it is
        replace_files([(path, save)])
    return path


def _free_path(path: Path, result: Any) -> Path:
    """Return the path, or the next numbered one whose result is another; equal runs keep one record."""
    for number in range(1, 1000):
        tried = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        if not tried.exists() or _without_times(_result_of(tried)) == _without_times(result):
            return tried
    return path


def _result_of(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes()).get("result")
    except (OSError, ValueError, AttributeError):
        return None


def _without_times(result: Any) -> Any:
    return {key: value for key, value in result.items() if key != "duration_s"} if isinstance(result, dict) else result


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that shape a model."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def git_commit() -> str:
    """Return the commit of the source tree, "+" where it has changes, "" outside a repository."""
    folder = Path(__file__).parent
    try:
        head = _git(folder, "rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def processor() -> str:
    """Return the name of the processor, or of the platform."""
    return platform.processor() or f"{platform.machine()} {sys.platform}"


def _git(folder: Path, *arguments: str) -> str:
    run = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10, check=True)
    return run.stdout.strip()
