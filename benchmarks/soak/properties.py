"""The properties of the test suite with examples drawn anew; in `make test` they are the same on every day."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.soak.rows import Row, Soaking

ROOT: Final = Path(__file__).parents[2]


def run(soaking: Soaking) -> Iterator[Row]:
    """Yield a row for each file of properties, as many as there is time for, in an order of the seed's."""
    files = [
        path for path in sorted((ROOT / "tests").rglob("test_*.py")) if "from hypothesis import" in path.read_text()
    ]
    soaking.rng("properties").shuffle(files)
    for path in files:
        if soaking.left_s <= 0:
            return
        started = time.monotonic()
        words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", str(path), f"--hypothesis-seed={soaking.seed}"]
        environment = {**os.environ, "SIGMA_HYPOTHESIS": "random"}
        ended = subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True)
        passed, failed = (
            _number(ended.stdout, "passed"),
            _number(ended.stdout, "failed") + _number(ended.stdout, "error"),
        )
        lines = [line for line in ended.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        yield Row(
            part="properties",
            what=str(path.relative_to(ROOT / "tests"))[-38:],
            tried=passed + failed,
            lost=failed or int(ended.returncode != 0),
            seconds=time.monotonic() - started,
            note=lines[0][:160] if lines else "",
        )


def _number(text: str, word: str) -> int:
    found = re.search(rf"(\d+) {word}", text)
    return int(found[1]) if found else 0
