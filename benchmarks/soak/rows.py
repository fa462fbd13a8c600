"""What a part of the soak reports: a row for each thing that was broken, how often, and what was lost by it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

WIDTHS: Final = (10, 38, 10, 6, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        part: of the soak.
        what: was broken.
        tried: how often; of the unit that `note` names.
        lost: cases whose result differs from an undisturbed one, or that ended the program.
        seconds: it took.
        note: figures beside, in words.
    """

    part: str
    what: str
    tried: int
    lost: int
    seconds: float
    note: str = ""

    def __str__(self) -> str:
        cells = (self.part, self.what, f"{self.tried:,}", f"{self.lost:,}", f"{self.seconds:,.0f}")
        aligned = (
            f"{cell:<{width}}" if place < 2 else f"{cell:>{width}}"
            for place, (cell, width) in enumerate(zip(cells, WIDTHS, strict=True))
        )
        return " ".join(aligned) + (f"  {self.note}" if self.note else "")


HEAD: Final = " ".join(
    f"{cell:<{width}}" if place < 2 else f"{cell:>{width}}"
    for place, (cell, width) in enumerate(
        zip(("part", "what was broken", "tried", "lost", "seconds"), WIDTHS, strict=True)
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Soaking:
    """What a part is given: a folder of its own, the seed of everything, and how long it may take."""

    folder: Path
    seed: int
    seconds: float
    is_nightly: bool
    started_s: float = field(default_factory=time.monotonic)

    @property
    def left_s(self) -> float:
        return self.seconds - (time.monotonic() - self.started_s)

    def rng(self, name: str) -> random.Random:
        """Return a generator for one purpose."""
        return random.Random(f"{self.seed}/{name}")


Part = Callable[[Soaking], Iterator[Row]]
