"""Fuzz surfaces and print a line for each; exit code 1 when anything was not caught.

python -m benchmarks.fuzz --cases 100000 --surfaces frames,rest --seed 7
"""

from __future__ import annotations

import argparse
import random
import sys

from benchmarks.figures import Figure, show
from benchmarks.fuzz.surfaces import SURFACES
from benchmarks.fuzz.watched import fuzz, work


def main() -> int:
    """Fuzz every surface in processes of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--surfaces", default="all", help=f"some of {', '.join(SURFACES)}")
    parser.add_argument("--cases", type=int, default=100_000, help="a surface")
    parser.add_argument("--seconds", type=float, default=0.0, help="a surface at most; 0: no limit")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=None, help="of every case; drawn where it is not given")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--work", action="store_true", help="be the process that plays; started by the fuzzer itself")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(2**31) if options.seed is None else options.seed
    names = list(SURFACES) if options.surfaces == "all" else options.surfaces.split(",")
    if options.work:
        return work(names[0], seed=seed, first=options.first, cases=options.cases, seconds=options.seconds)
    figures = []
    for name in names:
        found = fuzz(name, seed=seed, first=options.first, cases=options.cases, seconds=options.seconds)
        figures += [
            Figure(name=f"{name}_cases", value=found.cases, unit="", goal=""),
            Figure(name=f"{name}_uncaught", value=found.uncaught, unit="", goal="== 0"),
        ]
        print(f"{name}: {found.cases:,} cases in {found.seconds:.0f} s, {found.refused:,} refused", file=sys.stderr)
        for fault in found.faults:
            print(f"  {fault}", file=sys.stderr, flush=True)
    show("fuzz", figures, as_json=options.json, seed=seed)
    return int(any(figure.is_met is False for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
