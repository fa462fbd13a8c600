"""A rotated log file that costs nothing but itself: a disk that is full or takes no writes loses lines, and no trade.

What could not be written is counted; people are told once when it begins and once when it ends, where they look
otherwise: on the console, and in the other files. A line is in the file whole or not at all.
"""

from __future__ import annotations

import errno
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from storage.durable import is_at

OWNER_ONLY: Final = 0o600
APPENDING: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class LogFile(logging.Handler):
    """Appends lines; opens its file, and the folder, when the first one comes, and anew after whatever went wrong.

    Args:
        path: of the newest file; older ones are PATH.1, PATH.2, …
        max_bytes: of a file before it is rotated.
        keep: rotated files kept, at least one.
    """

    def __init__(self, path: Path, *, max_bytes: int, keep: int) -> None:
        super().__init__()
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._descriptor: int | None = None
        self._fails = False
        self._missed = 0

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = f"{self.format(record)}\n".encode(errors="backslashreplace")
        except Exception:  # as every handler does: a record that cannot be rendered is said to be so
            self.handleError(record)
            return
        try:
            self._append(line)
        except OSError as error:
            self._close()
            self._missed += 1
            self._failed(error)
        else:
            self._succeeded()

    def close(self) -> None:
        """Give the file back."""
        self.acquire()
        self._close()
        self.release()
        super().close()

    def begin(self) -> None:
        """Open the file before there is a line for it, so that people hear at once when it cannot be."""
        self.acquire()
        try:
            self._opened()
        except OSError as error:
            self._failed(error)
        finally:
            self.release()

    def _append(self, line: bytes) -> None:
        """Write a line, or nothing of it.

        Raises:
            OSError: the disk is full, read-only or away.
        """
        descriptor = self._opened()
        size = os.fstat(descriptor).st_size
        if size and size + len(line) > self._max_bytes:
            descriptor, size = self._rotated(), 0
        written = os.write(descriptor, line)
        if written < len(line):
            os.ftruncate(descriptor, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _opened(self) -> int:
        """Return the file of our name: another one, or none, may lie there since the last line."""
        if self._descriptor is not None and not is_at(self._path, self._descriptor):
            self._close()
        if self._descriptor is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, APPENDING, OWNER_ONLY)
        return self._descriptor

    def _rotated(self) -> int:
        self._close()
        for number in range(self._keep, 0, -1):
            older = self._path if number == 1 else self._numbered(number - 1)
            with suppress(FileNotFoundError):
                os.replace(older, self._numbered(number))
        return self._opened()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)

    def _failed(self, error: OSError) -> None:
        is_new, self._fails = not self._fails, True
        if is_new:
            reason = error.strerror or str(error)
            _log().warning("log file cannot be written, its lines are lost", file=str(self._path), error=reason)

    def _succeeded(self) -> None:
        missed, self._missed = self._missed, 0
        failed, self._fails = self._fails, False
        if failed:
            _log().info("log file can be written again", file=str(self._path), lines_lost=missed)


def _log() -> structlog.stdlib.BoundLogger:
    log: structlog.stdlib.BoundLogger = structlog.get_logger("logs")
    return log
