"""The trial ledger: one JSON line for every configuration that was ever scored, under runs/trials.jsonl.

The more was tried, the better the best of it looks by luck; significance is judged against this file. Lines are only
ever appended. Knows nothing of models.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from storage.durable import folder_lock
from strategies.errors import StorageFailed
from strategies.values import finite

FILE: Final = "trials.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One configuration that was scored on the past.

    Attributes:
        at_ms: when.
        kind: the command, "tune xgboost".
        recipe: digest of everything that makes the recipe; retrainings of one recipe share it and count once.
        params: what was varied.
        ic: out-of-fold information coefficient; None: not measured.
        sharpe: annual, net; None: not traded.
        daily_returns_file: .npy of daily net returns, relative to the ledger's folder; None: not kept.
    """

    at_ms: int
    kind: str
    recipe: str
    params: Mapping[str, Any]
    ic: float | None = None
    sharpe: float | None = None
    daily_returns_file: str | None = None


def record_trial(trial: Trial, folder: Path) -> None:
    """Append a trial to the ledger of a runs folder; safe beside other processes.

    Raises:
        StorageFailed: the file cannot be written.
    """
    document = asdict(trial) | {"ic": finite(trial.ic), "sharpe": finite(trial.sharpe)}
    line = json.dumps(document, sort_keys=True, default=str, allow_nan=False) + "\n"
    with folder_lock(folder):
        try:
            with (folder / FILE).open("a+b") as file:
                if _is_torn(file.seek(0, os.SEEK_END), folder / FILE):
                    line = "\n" + line
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageFailed(f"{folder / FILE} cannot be written: {error.strerror}") from error


def read_trials(folder: Path) -> list[Trial]:
    """Return every whole line of the ledger, oldest first; a line cut by a crash is left out."""
    path = folder / FILE
    if not path.is_file():
        return []
    trials = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            trials.append(Trial(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return trials


def _is_torn(size: int, path: Path) -> bool:
    """Whether the last line was cut by a crash."""
    if not size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
