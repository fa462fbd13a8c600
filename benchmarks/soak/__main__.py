"""Break everything on purpose and print one table: what was broken, how often, and what was lost by it.

    make soak                  all of it, 90 minutes on two cores
    make soak MINUTES=10       the nightly form
    python -m benchmarks.soak --parts kills,feed --minutes 20 --seed 7

The seed is drawn where none is given, and printed: it repeats the run. Exit code 1 when anything was lost.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Final

from benchmarks.figures import machine
from benchmarks.soak import clocks, databases, feed_faults, fuzzing, kills, memory, properties, storm
from benchmarks.soak.rows import HEAD, Part, Row, Soaking

# Name, what it does, and its share of the minutes: what one leaves of them is that of those behind it. What runs beside
# the others waits (`clocks`), or takes the second core (`fuzz`).
PARTS: Final[dict[str, tuple[Part, float]]] = {
    "feed": (feed_faults.run, 0.10),
    "storm": (storm.run, 0.10),
    "databases": (databases.run, 0.08),
    "properties": (properties.run, 0.10),
    "memory": (memory.run, 0.30),
    "kills": (kills.run, 0.32),
}
BESIDE: Final[dict[str, tuple[Part, float]]] = {"clocks": (clocks.run, 0.9), "fuzz": (fuzzing.run, 0.97)}
NIGHTLY_MINUTES: Final = 15.0  # a run that is shorter is a nightly one: fewer cases of each kind


def main() -> int:
    """Soak and print; exit code 1 when anything was lost."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [*PARTS, *BESIDE]
    parser.add_argument("--minutes", type=float, default=90.0, help="how long, real minutes")
    parser.add_argument("--parts", default="all", help=f"some of {', '.join(names)}")
    parser.add_argument("--seed", type=int, default=None, help="of everything; drawn where it is not given")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    chosen = names if options.parts == "all" else options.parts.split(",")
    unknown = set(chosen) - set(names)
    if unknown:
        parser.error(f"no part is called {sorted(unknown)[0]!r}; there are {', '.join(names)}")
    seed = random.SystemRandom().randrange(2**31) if options.seed is None else options.seed
    print(f"soak on {machine()}, seed {seed}, {options.minutes:g} minutes\n{HEAD}", flush=True, file=sys.stderr)
    rows = soak(chosen, seed, options.minutes * 60)
    if options.json:
        print(
            json.dumps({"benchmark": "soak", "machine": machine(), "seed": seed, "rows": [asdict(row) for row in rows]})
        )
    else:
        print(f"soak, seed {seed}\n{HEAD}\n" + "\n".join(map(str, [*rows, *sums(rows)])))
    return int(any(row.lost for row in rows))


def soak(chosen: list[str], seed: int, seconds: float) -> list[Row]:
    """Run the parts that were chosen, each in its share of the time."""
    rows: list[Row] = []
    shares = {name: share for name, (_, share) in PARTS.items() if name in chosen}
    ends_s = time.monotonic() + seconds
    is_nightly = seconds < NIGHTLY_MINUTES * 60
    with tempfile.TemporaryDirectory(prefix="sigma-soak-") as folder:

        def part(name: str, run: Part, given_s: float) -> None:
            place = Path(folder) / name
            place.mkdir()
            given = Soaking(folder=place, seed=seed, seconds=given_s, is_nightly=is_nightly)
            for row in _rows(name, run, given):
                rows.append(row)
                print(row, file=sys.stderr, flush=True)

        beside = [
            threading.Thread(target=part, args=(name, run, share * seconds))
            for name, (run, share) in BESIDE.items()
            if name in chosen
        ]
        for thread in beside:
            thread.start()
        while shares:
            left_s, whole = max(0.0, ends_s - time.monotonic()), sum(shares.values())
            name = next(iter(shares))
            part(name, PARTS[name][0], shares.pop(name) / whole * left_s)
        for thread in beside:
            thread.join()
    return sorted(rows, key=lambda row: [*PARTS, *BESIDE].index(row.part))


def sums(rows: list[Row]) -> list[Row]:
    """Return a row for each part, and one for all of them."""
    parts = [[row for row in rows if row.part == name] for name in dict.fromkeys(row.part for row in rows)]
    found = [_sum(of, of[0].part) for of in parts]
    return [*found, _sum(rows, "all")] if rows else []


def _sum(rows: list[Row], part: str) -> Row:
    tried, lost = sum(row.tried for row in rows), sum(row.lost for row in rows)
    kinds = f"{len(rows)} kinds of faults" if len(rows) > 1 else rows[0].what
    return Row(part=part, what=f"together: {kinds}", tried=tried, lost=lost, seconds=sum(row.seconds for row in rows))


def _rows(name: str, run: Part, given: Soaking) -> list[Row]:
    """Return a part's rows; one that fails is a loss."""
    started, found = time.monotonic(), []
    try:
        for row in run(given):
            found.append(row)
    except Exception as error:  # a task boundary: the other parts go on
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        found.append(
            Row(part=name, what="the part itself", tried=1, lost=1, seconds=time.monotonic() - started, note=what)
        )
    return found


if __name__ == "__main__":
    sys.exit(main())
