"""Every surface that outsiders' bytes reach, fuzzed: at least 100,000 cases each where there is time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from benchmarks.fuzz.surfaces import SURFACES
from benchmarks.fuzz.watched import fuzz
from benchmarks.soak.rows import Row, Soaking

CASES: Final = 100_000


def run(soaking: Soaking) -> Iterator[Row]:
    """Yield a row for each surface; each gets its part of what time is left."""
    names = list(SURFACES)
    for number, name in enumerate(names):
        seconds = max(5.0, soaking.left_s / (len(names) - number))
        found = fuzz(name, seed=soaking.seed, first=0, cases=CASES, seconds=seconds)
        rate = found.cases / max(found.seconds, 1e-9)
        note = f"{found.refused:,} refused in words, {rate:,.0f} a second"
        if found.faults:
            note = str(found.faults[0])
        what = f"spoilt {name}"
        yield Row(part="fuzz", what=what, tried=found.cases, lost=found.uncaught, seconds=found.seconds, note=note)
