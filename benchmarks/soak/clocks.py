"""Scenes of real minutes, all at once: the exchange started again, names not found, clocks that jump and drift."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Final

from benchmarks.children import Child
from benchmarks.soak.rows import Row, Soaking
from benchmarks.soak.scene import SCENES

MINUTES: Final = 8
NIGHTLY_MINUTES: Final = 3
PATIENCE_S: Final = 300.0


def run(soaking: Soaking) -> Iterator[Row]:
    """Play every scene at once, each in a process of its own: they wait for minutes, and cost little."""
    minutes = NIGHTLY_MINUTES if soaking.is_nightly else MINUTES
    words = ["--minutes", str(minutes), "--seed", str(soaking.seed % 2**16)]
    started = time.monotonic()
    playing = {
        name: Child([sys.executable, "-m", "benchmarks.soak.scene", name, *words], soaking.folder / f"scene-{number}")
        for number, name in enumerate(SCENES)
    }
    for name, child in playing.items():
        try:
            child.process.wait(60 * minutes + PATIENCE_S)
        except subprocess.TimeoutExpired:
            child.process.kill()
        code = child.process.wait()
        seconds = time.monotonic() - started
        lines = [line for line in child.out.splitlines() if line.startswith("{")]
        if not lines:
            note = (child.err.strip().splitlines() or [f"ended with {code}"])[-1][:160]
            yield Row(part="clocks", what=name, tried=1, lost=1, seconds=seconds, note=note)
            continue
        found = json.loads(lines[-1])
        note = f"said: {', '.join(found['said'])}" if found["said"] else ""
        yield Row(part="clocks", what=name, tried=found["tried"], lost=found["lost"], seconds=seconds, note=note)
