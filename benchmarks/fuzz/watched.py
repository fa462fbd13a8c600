"""A surface fuzzed in a process of its own: one that a case ends, or that hangs, is begun again behind it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from benchmarks.children import Child
from benchmarks.fuzz.cases import Counted, Fault, attack
from benchmarks.fuzz.surfaces import SURFACES

LOOK_S: Final = 0.2
PIECE: Final = 10_000  # cases of which results are told together; opening a surface may take as long as thousands
MOST_ENDS: Final = 10  # processes that may end before a surface is given up
OPENING_S: Final = 240.0  # until the first case
MEMORY: Final = Path("/dev/shm")  # cases write and remove files: a disk would be most of their time
HANGS_S: Final = 180.0  # a case that takes longer holds its whole process; machines may be busy


def fuzz(name: str, *, seed: int, first: int, cases: int, seconds: float) -> Counted:
    """Return what became of the cases of a surface, its process's ends among them."""
    started = time.monotonic()
    done: list[Counted] = []
    ended: list[Fault] = []
    with tempfile.TemporaryDirectory(prefix=f"sigma-fuzz-{name}-", dir=_memory()) as folder:
        progress = Path(folder) / "progress"
        following, last = first, first + cases
        while following < last and len(ended) < MOST_ENDS:
            left_s = seconds - (time.monotonic() - started) if seconds else 0.0
            if seconds and left_s <= 0:
                break
            progress.write_bytes(b"")
            number, how, results = _played(name, progress, seed, following, last - following, left_s)
            done += results
            if how is None:
                break
            ended.append(Fault(surface=name, seed=seed, number=number, what=how))
            if not progress.read_text():
                break  # it did not come to its first case
            following = number + 1
    counted = sum(part.cases for part in done)
    return Counted(
        surface=name,
        seed=seed,
        cases=counted + len(ended),
        refused=sum(part.refused for part in done),
        uncaught=sum(part.uncaught for part in done) + len(ended),
        seconds=time.monotonic() - started,
        faults=tuple({fault.what: fault for part in done for fault in part.faults}.values()) + tuple(ended),
    )


def work(name: str, *, seed: int, first: int, cases: int, seconds: float) -> int:
    """Play cases and print a line of JSON for every piece of them; the watcher reads along."""
    descriptor = os.open(os.environ["SIGMA_FUZZ_PROGRESS"], os.O_WRONLY)
    begun: Callable[[int], None] = lambda number: void(os.pwrite(descriptor, f"{number:>12}".encode(), 0))  # noqa: E731
    deadline = time.monotonic() + seconds if seconds else float("inf")

    async def play() -> None:
        with tempfile.TemporaryDirectory(prefix=f"sigma-fuzzed-{name}-", dir=_memory()) as folder:
            done = 0
            while done < cases and time.monotonic() < deadline:
                place = Path(folder) / str(done)
                place.mkdir()
                piece = min(PIECE, cases - done)
                found = await attack(
                    name,
                    SURFACES[name],
                    place,
                    seed=seed,
                    cases=piece,
                    first=first + done,
                    begun=begun,
                    until_s=deadline,
                )
                print(json.dumps(asdict(found)), flush=True)
                done += piece

    asyncio.run(play())
    return 0


def _memory() -> Path | None:
    return MEMORY if os.access(MEMORY, os.W_OK) else None


def void(_value: Any) -> None:
    """Forget a value."""


def _played(
    name: str, progress: Path, seed: int, first: int, cases: int, seconds: float
) -> tuple[int, str | None, list[Counted]]:
    """Return the case at which the process ended, how (None: well), and the pieces it finished."""
    words = ["--surfaces", name, "--seed", str(seed), "--first", str(first), "--cases", str(cases)]
    line = [sys.executable, "-m", "benchmarks.fuzz", "--work", *words, "--seconds", str(seconds)]
    child = Child(line, progress.parent, {**os.environ, "SIGMA_FUZZ_PROGRESS": str(progress)})
    how = watched(child.process, progress)
    code = child.process.wait()
    results = [_counted(json.loads(line)) for line in child.out.splitlines() if line.startswith("{")]
    if how is None and code:
        lines = child.err.strip().splitlines()
        how = f"ended its process ({signal.Signals(-code).name if code < 0 else lines[-1] if lines else code})"
    text = progress.read_text().strip()
    return int(text or first), how, results


def watched(child: subprocess.Popen[bytes], progress: Path) -> str | None:
    """Wait for the end of a process; end it where one case takes too long."""
    last, since = "", time.monotonic()
    while child.poll() is None:
        try:
            child.wait(LOOK_S)
        except subprocess.TimeoutExpired:
            now = progress.read_text()
            if now != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since > (HANGS_S if last else OPENING_S):
                child.kill()
                return f"did not end within {HANGS_S:.0f} s"
    return None


def _counted(found: dict[str, Any]) -> Counted:
    return Counted(**{**found, "faults": tuple(Fault(**fault) for fault in found["faults"])})
