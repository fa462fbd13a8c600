"""Kills before and after every write, sync, rename, commit and send of every stage, each compared with a whole run."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from benchmarks.kill_matrix import Outcome, chosen, counted, outcome_of, prepared
from benchmarks.kill_story import STAGES
from benchmarks.soak.rows import Row, Soaking

KILLS: Final = 200
NIGHTLY: Final = 40


def run(soaking: Soaking) -> Iterator[Row]:
    """Kill until the number is reached, or the time is over; a row for each stage."""
    story, wanted = prepared(soaking.folder, soaking.seed)
    counts = counted(story)
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    seconds: dict[str, float] = defaultdict(float)
    for number, kill in enumerate(chosen(counts, NIGHTLY if soaking.is_nightly else KILLS, soaking.seed)):
        if soaking.left_s <= 0:
            break
        started = time.monotonic()
        outcomes[kill.stage].append(outcome_of(story, soaking.folder / f"kill-{number}", kill, wanted))
        seconds[kill.stage] += time.monotonic() - started
    for stage in STAGES:
        here = outcomes[stage]
        differing = [part for part in here if part.differing or not part.was_killed]
        operations = sorted({part.kill.operation for part in here})
        note = f"before and after every {', '.join(operations)}" if operations else ""
        if differing:
            note = f"{differing[0].kill}: {', '.join(differing[0].differing) or 'it was not killed'}"
        yield Row(
            part="kills",
            what=f"kill -9 in {stage}",
            tried=len(here),
            lost=len(differing),
            seconds=seconds[stage],
            note=note,
        )
