"""Bundles verified one after the other by the very child that the daemon asks, forked off a warm process.

A child of its own for each costs a second; a fork costs nothing until a bundle ends it, and then the next fork goes on
behind that bundle. `python -m benchmarks.fuzz.bundle_reader GOOD` reads a JSON list of folders a line and answers with
a list of exit codes: 0 is a whole bundle, 1 a refusal, -11 a SIGSEGV.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from benchmarks.fuzz.cases import Broken
from storage.models import apart
from strategies.bundle import bundle as bundles

CODE: Final = struct.Struct("b")
CASE_S: Final = (
    120.0  # a spoilt tree may fill the memory that it is allowed before it is refused: 14 s on a quiet machine
)


class BundleReader:
    """The warm process.

    Args:
        good: folder of a whole bundle, read first: it compiles what reading needs.
    """

    def __init__(self, good: Path) -> None:
        line = [sys.executable, "-m", __name__, str(good)]
        one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}  # a fork has none of its parent's threads
        self._process = subprocess.Popen(line, env=one_thread, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read(self, folders: Sequence[Path]) -> list[int]:
        """Return the exit code of each bundle's verification.

        Raises:
            Broken: the process ended, or a bundle was not verified in time.
        """
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        asked.write(json.dumps([str(folder) for folder in folders]).encode() + b"\n")
        asked.flush()
        line = answers.readline()
        if not line:
            raise Broken(f"the reader of bundles ended ({self._process.wait()})")
        codes: list[int] = json.loads(line)
        if len(codes) < len(folders):
            raise Broken(f"bundle {folders[len(codes)].name} was not verified within {CASE_S:.0f} s")
        return codes

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def serve(good: Path, asked: IO[str], answers: IO[str]) -> None:
    """Answer lists of folders until nobody asks any more."""
    bundles.load(good)
    gc.freeze()  # a collection in a fork would copy every page
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)  # reasons that nobody reads
    for line in asked:
        left: list[str] = json.loads(line)
        codes: list[int] = []
        while left:
            found = _forked(left)
            if not found:
                break  # the first of them hangs
            codes, left = codes + found, left[len(found) :]
        answers.write(json.dumps(codes) + "\n")
        answers.flush()


def _forked(folders: Sequence[str]) -> list[int]:
    """Verify bundles in a fork until one ends it; return their exit codes, its end the last."""
    heard, told = os.pipe()
    child = os.fork()
    if not child:
        for folder in folders:
            os.write(told, CODE.pack(apart.main([folder])))
        os._exit(0)
    os.close(told)
    codes: list[int] = []
    hangs = False
    while not hangs:
        hangs = not select.select([heard], [], [], CASE_S)[0]
        code = b"" if hangs else os.read(heard, CODE.size)
        if not code:
            break
        codes += CODE.unpack(code)
    os.close(heard)
    if hangs:
        os.kill(child, signal.SIGKILL)
    end = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return codes if hangs or len(codes) == len(folders) else [*codes, end]


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.stdin, sys.stdout)
