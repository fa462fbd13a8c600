"""Cases of a surface one after the other, each of its own seed, and what became of them.

A case is answered, refused in words (a `SigmaError`) or *uncaught*. One that ends its process, or does not end itself,
is found by whoever watches the process: see `watched.py`.
"""

from __future__ import annotations

import asyncio
import random
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from strategies.errors import SigmaError

Attack = Callable[[random.Random], Awaitable[None] | None]
Opened = Callable[[Path], AbstractAsyncContextManager[Attack]]
CASE_S: Final = 20.0  # a case that takes longer hangs
KEPT: Final = 20  # faults that are told


class Broken(Exception):
    """A case was taken, and what came of it may not be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A case that was not answered: its number repeats it."""

    surface: str
    seed: int
    number: int
    what: str

    def __str__(self) -> str:
        return f"{self.surface} --seed {self.seed} --first {self.number} --cases 1: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What became of the cases of a surface; `faults` holds the first few, each kind once."""

    surface: str
    seed: int
    cases: int
    refused: int
    uncaught: int
    seconds: float
    faults: tuple[Fault, ...]


def rng_of(surface: str, seed: int, number: int) -> random.Random:
    """Return the generator of one case."""
    return random.Random(f"{surface}/{seed}/{number}")


async def attack(
    name: str,
    opened: Opened,
    folder: Path,
    *,
    seed: int,
    cases: int,
    first: int = 0,
    begun: Callable[[int], None] = lambda _number: None,
) -> Counted:
    """Play cases `first` to `first + cases` of a surface.

    Args:
        name: of the surface.
        opened: gives what takes a case.
        folder: empty; for the surface's files.
        seed: of all cases.
        cases: how many.
        first: number of the first.
        begun: told the number of each before it is played.
    """
    refused = uncaught = 0
    kinds: dict[str, Fault] = {}
    started = time.perf_counter()
    async with opened(folder) as take:
        async for number in _numbers(first, cases):
            begun(number)
            try:
                async with asyncio.timeout(CASE_S):
                    answer = take(rng_of(name, seed, number))
                    if answer is not None:
                        await answer
            except SigmaError:
                refused += 1
            except Exception as error:  # what is looked for
                uncaught += 1
                kind = place_of(error)
                if len(kinds) < KEPT:
                    kinds.setdefault(kind, Fault(surface=name, seed=seed, number=number, what=kind))
    return Counted(
        surface=name,
        seed=seed,
        cases=cases,
        refused=refused,
        uncaught=uncaught,
        seconds=time.perf_counter() - started,
        faults=tuple(kinds.values()),
    )


async def _numbers(first: int, cases: int) -> AsyncIterator[int]:
    for number in range(first, first + cases):
        yield number
        await asyncio.sleep(0)  # whatever a case started may go on


def place_of(error: BaseException) -> str:
    """Return what was raised, and the last line of ours that it passed."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename and "/lib/python" not in frame.filename]
    frame = (ours or frames)[-1] if frames else None
    where = "" if frame is None else f" at {Path(frame.filename).name}:{frame.lineno}"
    text = " ".join(str(error).split())[:120]
    return f"{type(error).__name__}{where}: {text}"
