"""Logs: lines for a person on stderr, JSON lines in files for everything else.

An event is one fixed lower-case phrase plus fields: `structlog.get_logger("feed").info("socket lost", code=1006)`.
`logs/sigma.log` has everything at the configured level, `logs/error.log` errors only; both are rotated. Libraries log
through the same handlers, warnings and above. Whatever is known to be a secret is masked in the finished line.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from bot.operations.log_file import LogFile
from storage.config.secret import MASK
from storage.config.services import LogSettings
from storage.terminal.words import field_text, printable

DAEMON_FILES: Final = {"sigma.log": logging.DEBUG, "error.log": logging.ERROR}
FEED_FILES: Final = {"feed.log": logging.DEBUG}
_OWN: Final = "sigma"  # above all loggers of this program; the others are libraries
_SHORTEST_SECRET: Final = 4  # shorter ones would mask half of every line
_LABELS: Final = {"warning": "warning: ", "error": "error: ", "critical": "error: ", "debug": "debug: "}


def configure(
    settings: LogSettings,
    *,
    secrets: Iterable[str] = (),
    verbose: bool = False,
    stream: TextIO | None = None,
    files: Mapping[str, int] = DAEMON_FILES,
) -> None:
    """Send all log events to the console and to the files. Calling it again replaces what was set up before.

    Args:
        settings: directory, level and rotation.
        secrets: texts to be masked in every line.
        verbose: also say debug events, whatever the level.
        stream: the console; stderr by default.
        files: names and levels; no two processes write to one. Those that cannot be written cost their lines.
    """
    level = logging.DEBUG if verbose else getattr(logging, settings.level.upper())
    masked = tuple(secret for secret in secrets if len(secret) >= _SHORTEST_SECRET)
    console = logging.StreamHandler(stream or sys.stderr)
    console.setFormatter(_formatter(_for_people, masked))
    kept = _files(settings, files, _formatter(_for_programs, masked))
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if getattr(handler, "of_sigma", False)]:
        root.removeHandler(old)
        old.close()
    for handler in (console, *kept):
        handler.of_sigma = True  # type: ignore[attr-defined]
        root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(_OWN).setLevel(level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=_own_logger,
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    for file in kept:
        file.begin()


def _own_logger(*names: str) -> logging.Logger:
    return logging.getLogger(".".join((_OWN, *names[:1])))


class _Masking(structlog.stdlib.ProcessorFormatter):
    """Renders a record and takes the secrets out of the finished line."""

    def __init__(self, masked: tuple[str, ...], **options: Any) -> None:
        super().__init__(**options)
        self._masked = masked

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        for secret in self._masked:
            line = line.replace(secret, MASK)
        return line


def _formatter(render: Any, masked: tuple[str, ...]) -> logging.Formatter:
    before: list[Any] = [structlog.stdlib.add_logger_name, structlog.stdlib.add_log_level]
    before.append(structlog.processors.format_exc_info)
    return _Masking(masked, foreign_pre_chain=before, processors=[_add_time, render])


def _files(settings: LogSettings, files: Mapping[str, int], formatter: logging.Formatter) -> list[LogFile]:
    handlers = []
    for name, level in files.items():
        path = Path(settings.directory) / name
        handler = LogFile(path, max_bytes=round(settings.max_mb * 1e6), keep=settings.keep)
        handler.setLevel(level)
        handler.setFormatter(formatter)
        handlers.append(handler)
    return handlers


def _add_time(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    record: logging.LogRecord = event.pop("_record")
    event.pop("_from_structlog", None)
    return {"time_ms": int(record.created * 1000), **event}


def _for_people(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Return "13:04:12 candle store opened  markets=3"; errors keep their traceback below."""
    time = datetime.fromtimestamp(event.pop("time_ms") / 1000, UTC)
    label = _LABELS.get(event.pop("level", ""), "")
    trace = event.pop("exception", "")
    phrase = printable(str(event.pop("event", "")), one_line=True)
    event.pop("logger", None)
    fields = "  " + " ".join(f"{name}={field_text(value)}" for name, value in event.items()) if event else ""
    return f"{time:%H:%M:%S} {label}{phrase}{fields}" + (f"\n{printable(trace)}" if trace else "")


def _for_programs(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    first = {name: event.pop(name, "") for name in ("time_ms", "level", "logger", "event")}
    return printable(json.dumps({**first, **event}, default=str, ensure_ascii=False))
