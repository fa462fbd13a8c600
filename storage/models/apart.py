"""A bundle verified in a process of its own: whatever its files do to whoever reads them, it is a refusal here.

Model files are parsed by foreign code. A file cut short can end the process that reads it, a shape in it can ask for
more memory than there is; no exception tells of the first. So a child reads it first, and any end but a good one is
said in words. `python -m storage.models.apart FOLDER [EXCHANGE]` is that child.
"""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from storage.durable import replace_files
from strategies.errors import BundleRefused, SigmaError, StorageFailed

TIMEOUT_S: Final = 180.0
MOST_BYTES: Final = 6 << 30  # of memory, for a bundle whose files ask for more than they are worth
LEAST_BYTES: Final = 1 << 30
MAX_REASON: Final = 300  # characters
MOST_KNOWN: Final = 200  # contents
READERS: Final = (  # what parses a bundle's files, and computes its probes
    "sigma-analyst",
    "numpy",
    "numba",
    "onnxruntime",
    "safetensors",
    "xgboost-cpu",
    "xgboost",
    "TA-Lib",
)
SECRET_MARKS: Final = ("TOKEN", "PASSWORD", "SECRET", "PASSPHRASE", "APPRISE")


class Verifier:
    """Verifies bundles apart, each content of their files once by this version of the libraries that read them.

    Args:
        known: file of the contents that were found whole, a digest a line; a start need not find it out again.
    """

    def __init__(self, known: Path) -> None:
        self._known = known
        self._whole: set[tuple[object, ...]] = set()

    def verify(self, folder: Path, exchange: str | None) -> None:
        """See `verify_apart`."""
        try:
            stats = [(path.name, path.stat()) for path in sorted(folder.iterdir())]
        except OSError as error:
            raise BundleRefused(f"bundle {folder} cannot be read: {error.strerror}") from error
        files = ((name, found.st_size, found.st_mtime_ns, found.st_ino) for name, found in stats)
        state = (folder, exchange, *files)
        if state in self._whole:
            return
        content = _digest(folder, exchange)
        if content not in _lines(self._known):
            verify_apart(folder, exchange)
            self._remember(content)
        self._whole.add(state)

    def _remember(self, content: str) -> None:
        """Note a content; where that cannot be written, the next start looks again."""
        kept = [*_lines(self._known), content][-MOST_KNOWN:]
        with suppress(StorageFailed):
            replace_files([(self._known, lambda path: _write(path, kept))])


def _digest(folder: Path, exchange: str | None) -> str:
    """Return the digest of a bundle's files, of what they are read with, and of whose candles they are to score.

    Raises:
        BundleRefused: a file cannot be read.
    """
    found = hashlib.sha256()
    versions = [f"{name} {_version(name)}" for name in READERS]
    try:
        for part in (str(exchange), sys.version, *versions):
            found.update(part.encode() + b"\0")
        for path in (each for each in sorted(folder.iterdir()) if each.is_file()):
            found.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    except OSError as error:
        raise BundleRefused(f"bundle {folder} cannot be read: {error.strerror}") from error
    return found.hexdigest()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _write(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except (OSError, ValueError):
        return []


def verify_apart(folder: Path, exchange: str | None, program: tuple[str, ...] = ()) -> None:
    """Load and verify a bundle in a child process.

    Args:
        folder: of the bundle.
        exchange: whose candles it will score; None: not checked.
        program: what the child is; this module where nobody asks for another.

    Raises:
        BundleRefused: the child came to any end but a good one.
    """
    words = [*(program or (sys.executable, "-m", __name__)), str(folder), *([exchange] if exchange else [])]
    kept = {name: value for name, value in os.environ.items() if not any(mark in name for mark in SECRET_MARKS)}
    try:
        ended = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT_S, env=kept)
    except subprocess.TimeoutExpired as error:
        raise BundleRefused(f"bundle {folder.name} was not verified within {TIMEOUT_S:g} s") from error
    except OSError as error:
        raise BundleRefused(f"bundle {folder.name} cannot be verified: {error.strerror}") from error
    if ended.returncode == 0:
        return
    if ended.returncode < 0:
        end = signal.Signals(-ended.returncode).name
        raise BundleRefused(f"bundle {folder.name} ended the process that verified it ({end})")
    lines = ended.stderr.decode(errors="replace").strip().splitlines()
    reason = lines[-1][:MAX_REASON] if lines else f"exit code {ended.returncode} and no word"
    raise BundleRefused(reason if folder.name in reason else f"bundle {folder.name} cannot be read: {reason}")


def memory_bytes() -> int:
    """Return what a verification may take: half of the machine's memory, so that a daemon beside it lives."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(LEAST_BYTES, min(MOST_BYTES, machine // 2))


def main(arguments: list[str]) -> int:
    """Verify the bundle in a folder; 0: it is whole."""
    from strategies.bundle.bundle import load

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes(), memory_bytes()))
    folder, exchange = arguments[0], arguments[1] if len(arguments) > 1 else None
    try:
        load(folder, exchange=exchange)
    except SigmaError as error:
        print(error, file=sys.stderr)
        return 1
    except BaseException as error:  # a task boundary: the process is there to find out
        print(f"{type(error).__name__}: {error}".splitlines()[0], file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
