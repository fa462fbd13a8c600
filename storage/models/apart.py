"""A bundle verified in a process of its own: whatever its files do to whoever reads them, it is a refusal here.

Model files are parsed by foreign code. A file cut short can end the process that reads it, a shape in it can ask for
more memory than there is; no exception tells of the first. So a child reads it first, and any end but a good one is
said in words. `python -m storage.models.apart FOLDER [EXCHANGE]` is that child.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from strategies.errors import BundleRefused, SigmaError

TIMEOUT_S: Final = 180.0
MEMORY_BYTES: Final = 6 << 30
MAX_REASON: Final = 300  # characters
SECRET_MARKS: Final = ("TOKEN", "PASSWORD", "SECRET", "PASSPHRASE", "APPRISE")


class Verifier:
    """Verifies bundles apart, each state of their files once."""

    def __init__(self) -> None:
        self._whole: set[tuple[object, ...]] = set()

    def verify(self, folder: Path, exchange: str | None) -> None:
        """See `verify_apart`."""
        try:
            stats = [(path.name, path.stat()) for path in sorted(folder.iterdir())]
        except OSError as error:
            raise BundleRefused(f"bundle {folder} cannot be read: {error.strerror}") from error
        files = ((name, found.st_size, found.st_mtime_ns, found.st_ino) for name, found in stats)
        state = (folder, exchange, *files)
        if state not in self._whole:
            verify_apart(folder, exchange)
            self._whole.add(state)


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


def main(arguments: list[str]) -> int:
    """Verify the bundle in a folder; 0: it is whole."""
    from strategies.bundle.bundle import load

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
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
