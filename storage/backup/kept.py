"""Backups that a daemon makes by itself: a folder of files named by when they were made, the newest few kept."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from storage.cron import next_cron_ms

FOLDER: Final = "backups"
OLD_PERIODS: Final = 2
_NAME: Final = re.compile(r"sigma-(\d{8}T\d{6})\.backup")
_FORM: Final = "%Y%m%dT%H%M%S"


def folder_of(configured: str, state: Path) -> Path:
    """Return the folder of backups; "": beside the rest of the state folder."""
    return Path(configured) if configured else state / FOLDER


def name_at(ms: int) -> str:
    """Return the name of a backup that is made now, UTC ms of the machine's clock."""
    return f"sigma-{datetime.fromtimestamp(ms / 1000, UTC).strftime(_FORM)}.backup"


def kept(folder: Path) -> list[Path]:
    """Return the backups of a folder that bear such a name, the oldest first; files of people are none of them."""
    try:
        return sorted(path for path in folder.iterdir() if _made(path) is not None)
    except OSError:
        return []


def made_ms(path: Path) -> int:
    """Return when one of `kept` was made, UTC ms."""
    moment = _made(path)
    assert moment is not None, f"{path} is none of ours"
    return round(moment.timestamp() * 1000)


def is_old(made_ms: int, cron: str, now_ms: int) -> bool:
    """Whether a backup is older than two periods of the cron line that makes them."""
    following_ms = next_cron_ms(cron, now_ms)
    return now_ms - made_ms > OLD_PERIODS * (next_cron_ms(cron, following_ms) - following_ms)


def prune(folder: Path, keep: int) -> list[Path]:
    """Remove all but the newest `keep`; return those that are gone."""
    gone = []
    for path in kept(folder)[: -max(1, keep)]:
        with suppress(OSError):  # a disk that turned read-only: the next night tries again
            path.unlink()
            gone.append(path)
    return gone


def _made(path: Path) -> datetime | None:
    found = _NAME.fullmatch(path.name)
    if found is None:
        return None
    try:
        return datetime.strptime(found[1], _FORM).replace(tzinfo=UTC)
    except ValueError:
        return None
