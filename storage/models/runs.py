"""The index of all runs: one line of every record under runs/, and the record itself by the beginning of its id."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strategies.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run record.

    Attributes:
        id: of what was asked for and on what; with "-2" where the same came out differently.
        kind: "backtest", "train lstm", "imported trades", ….
        until_ms: end of the data it saw.
        document: the whole record.
    """

    id: str
    kind: str
    until_ms: int
    path: Path
    document: dict[str, Any]

    @property
    def result(self) -> dict[str, Any]:
        found = self.document.get("result")
        return found if isinstance(found, dict) else {}


def all_runs(folder: Path) -> list[Run]:
    """Return the readable records of a folder, by kind, then by the end of their data."""
    found = [run for path in sorted(folder.glob("*.json")) if (run := _read(path)) is not None]
    return sorted(found, key=lambda run: (run.kind, run.until_ms, run.id))


def find_run(folder: Path, number: str) -> Run:
    """Return the record of an id, or of the beginning of one.

    Raises:
        BadInput: there is none, or several.
    """
    runs = all_runs(folder)
    fitting = [run for run in runs if run.id == number] or [run for run in runs if run.id.startswith(number)]
    if len(fitting) != 1:
        known = ", ".join(run.id for run in fitting[:5]) or "none"
        raise BadInput(f"run {number!r} matches {len(fitting)} records ({known}); sigma runs list shows them")
    return fitting[0]


def _read(path: Path) -> Run | None:
    try:
        document = json.loads(path.read_bytes())
        suffix = path.stem.partition(str(document["id"]))[2]
        return Run(
            id=f"{document['id']}{suffix}",
            kind=str(document["kind"]),
            until_ms=int(document.get("until_ms") or 0),
            path=path,
            document=document,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
