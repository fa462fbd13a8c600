"""Cases of a surface one after the other, each of its own seed, and what became of them.

A case is answered, refused in words (a `SigmaError`) or *uncaught*. One that ends its process, or does not end itself,
is found by whoever watches the process: see `watched.py`.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from strategies.errors import SigmaError

Attack = Callable[[random.Random], Awaitable[None] | None]
Opened = Callable[[Path], AbstractAsyncContextManager["Attack | Together"]]
CASE_S: Final = 20.0  # a case that takes longer hangs
KEPT: Final = 20  # faults that are told


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """What takes many cases at once, where one by one most of the time is waiting.

    Attributes:
        one: takes one.
        many: takes some and returns how many were refused in words; where it raises, each is played by itself.
        size: cases at once.
    """

    one: Attack
    many: Callable[[Sequence[random.Random]], Awaitable[int]]
    size: int


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
    until_s: float = math.inf,
) -> Counted:
    """Play cases `first` to `first + cases` of a surface, or as many as there is time for.

    Args:
        name: of the surface.
        opened: gives what takes a case.
        folder: empty; for the surface's files.
        seed: of all cases.
        cases: how many.
        first: number of the first.
        begun: told the number of each before it is played.
        until_s: of the monotonic clock; no case begins later.
    """
    refused = uncaught = played = 0
    kinds: dict[str, Fault] = {}
    started = time.perf_counter()
    async with opened(folder) as take:
        size = take.size if isinstance(take, Together) else 1
        for numbers in _pieces(first, cases, size):
            if played and time.monotonic() >= until_s:
                break
            played += len(numbers)
            begun(numbers[0])
            together = await _at_once(take, [rng_of(name, seed, number) for number in numbers])
            if isinstance(together, int):
                refused += together
                continue
            errors: list[Exception | None] = []
            for number in numbers:
                if errors and time.monotonic() >= until_s:
                    played -= len(numbers) - len(errors)
                    break
                begun(number)
                errors.append(await _alone(take, rng_of(name, seed, number)))
            found = list(zip(numbers, errors, strict=False))  # time may end among them
            if (
                together is not None
                and len(errors) == len(numbers)
                and all(error is None or isinstance(error, SigmaError) for error in errors)
            ):
                found.append((numbers[0], together))  # alone none of them does it
            for number, error in found:
                refused += isinstance(error, SigmaError)
                if error is not None and not isinstance(error, SigmaError):
                    uncaught += 1
                    kind = place_of(error)
                    if len(kinds) < KEPT:
                        kinds.setdefault(kind, Fault(surface=name, seed=seed, number=number, what=kind))
    return Counted(
        surface=name,
        seed=seed,
        cases=played,
        refused=refused,
        uncaught=uncaught,
        seconds=time.perf_counter() - started,
        faults=tuple(kinds.values()),
    )


def _pieces(first: int, cases: int, size: int) -> Iterator[range]:
    for start in range(first, first + cases, size):
        yield range(start, min(start + size, first + cases))


async def _at_once(take: Attack | Together, rngs: Sequence[random.Random]) -> int | Exception | None:
    """Play cases together; return how many were refused, or what was raised; None: they are played one by one."""
    if not isinstance(take, Together) or len(rngs) == 1:
        return None
    try:
        async with asyncio.timeout(CASE_S):
            return await take.many(rngs)
    except TimeoutError:  # so many may take long on a busy machine
        return None
    except Exception as error:  # which of them it was shows itself alone
        return error


async def _alone(take: Attack | Together, rng: random.Random) -> Exception | None:
    """Play one case; return what it raised."""
    await asyncio.sleep(0)  # whatever a case started may go on
    try:
        async with asyncio.timeout(CASE_S):
            answer = (take.one if isinstance(take, Together) else take)(rng)
            if answer is not None:
                await answer
    except Exception as error:  # what is looked for
        return error
    return None


def place_of(error: BaseException) -> str:
    """Return what was raised, and the last line of ours that it passed."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename and "/lib/python" not in frame.filename]
    frame = (ours or frames)[-1] if frames else None
    where = "" if frame is None else f" at {Path(frame.filename).name}:{frame.lineno}"
    text = " ".join(str(error).split())[:120]
    return f"{type(error).__name__}{where}: {text}"
