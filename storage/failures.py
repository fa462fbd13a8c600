"""Unforeseen failures: one line for the person, a file with the rest for us.

Used by both command lines, `sigma` and `python -m training`. Knows nothing of commands.
"""

from __future__ import annotations

import errno
import hashlib
import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from storage.lazy import lazily
from strategies.errors import SigmaError, StorageFailed

with lazily():
    from storage.config.tree import load

_FOLDER: Final = "failures"
_OF_THE_DISK: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENFILE, errno.EMFILE}
)


class Unforeseen(SigmaError):
    """An error of ours, or of a library; its report says where."""

    exit_code = 70  # sysexits.h: internal software error


def unforeseen(error: BaseException, arguments: Sequence[str]) -> SigmaError:
    """Write a report of an exception and return the error that names it; of what the disk refuses no report is needed.

    Args:
        error: as caught.
        arguments: of the command line.
    """
    if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
        where = f"{error.filename} cannot be written or read" if error.filename else "a file cannot be written or read"
        return StorageFailed(f"{where}: {error.strerror}")
    text = "".join(traceback.format_exception(error))
    number = hashlib.sha256(text.encode()).hexdigest()[:8]
    lines = [f"sigma {' '.join(arguments)}", f"python {platform.python_version()} on {platform.platform()}", "", text]
    path = _write(f"{number}.txt", "\n".join(lines))
    first = " ".join(str(error).split())[:160]
    where = f"; the report is {path}" if path else ""
    return Unforeseen(f"an unforeseen {type(error).__name__} ended this command: {first or 'without words'}{where}")


def _write(name: str, text: str) -> Path | None:
    for folder in (_logs() / _FOLDER, Path(tempfile.gettempdir()) / "sigma-failures"):
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
            return folder / name
    print(text, file=sys.stderr)
    return None


def _logs() -> Path:
    try:
        return Path(load().logs.directory)
    except SigmaError:
        return Path("logs")
