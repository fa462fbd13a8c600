"""Log lines: the newest of the log file, as people read them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, Literal

import orjson
from pydantic import Field

from bot.values.view import View

READ_BYTES: Final = 512 * 1024  # from the end of the file
LEVELS: Final = ("debug", "info", "warning", "error", "critical")
Level = Literal["debug", "info", "warning", "error"]


class LogLine(View):
    """One event."""

    ms: int = Field(description="wall clock")
    level: str
    source: str
    event: str
    fields: dict[str, Any]


class LogLines(View):
    """Events, newest first."""

    lines: list[LogLine]


def log_lines(path: Path, level: Level, words: str, limit: int) -> LogLines:
    """Return the newest events of a JSON log file at a level or above that contain some words. Reads a file."""
    wanted = LEVELS[LEVELS.index(level) :]
    found: list[LogLine] = []
    for raw in reversed(_tail(path).splitlines()):
        if words and words.lower() not in raw.decode(errors="replace").lower():
            continue
        line = _line(raw)
        if line is not None and line.level in wanted:
            found.append(line)
        if len(found) >= limit:
            break
    return LogLines(lines=found)


def _tail(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - READ_BYTES))
            return file.read()
    except OSError:
        return b""


def _line(raw: bytes) -> LogLine | None:
    try:
        event = dict(orjson.loads(raw))
    except (orjson.JSONDecodeError, TypeError, ValueError):
        return None
    return LogLine(
        ms=int(event.pop("time_ms", 0) or 0),
        level=str(event.pop("level", "info")),
        source=str(event.pop("logger", "")).removeprefix("sigma."),
        event=str(event.pop("event", "")),
        fields=event,
    )
