"""Seats: who votes; a family joins when it adds, and leaves when it no longer does.

The first family named votes from the start. Another joins when the blend with it foretells better out of fold by more
than one standard error: a voter that adds nothing takes weight from one that does. Who votes stays until the blend is
better without it; between the two lies a band in which nothing changes, so that seats do not flap with the noise of a
quarter. Where the pool is a panel, the scores are those of coins left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from strategies.oversight.skill import information_coefficient
from training.ensemble.votes import Votes
from training.evidence.ic_difference import IcGain, ic_gain

Members = tuple[int, ...]
FIRST: Final[Members] = (0,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Whether a family votes, and why.

    Attributes:
        ic: out of fold, of its votes alone.
        gain: of the blend's IC by this family: with it, less without it.
        error: one standard error of the gain.
        is_first: it votes from the start.
    """

    family: str
    votes: bool
    ic: float
    gain: float
    error: float
    is_first: bool = False

    @property
    def words(self) -> str:
        """Return the line of the table in words."""
        found = f"with it the out-of-fold IC is {self.gain:+.4f} higher (standard error {self.error:.4f})"
        if self.is_first and self.votes:
            return f"{self.family} votes from the start: IC {self.ic:+.4f} alone"
        if self.votes:
            return f"{self.family} votes: {found}, IC {self.ic:+.4f} alone"
        lost = "lost its vote" if self.is_first else "does not vote"
        return f"{self.family} {lost}: {found}, IC {self.ic:+.4f} alone; it joins when it adds more than one error"


def seated(known: Votes, names: Sequence[str], before: Members) -> tuple[Members, tuple[Seat, ...]]:
    """Return who votes by what is known, and a seat for every family.

    Args:
        known: rows with every vote and their outcome.
        names: of the K families.
        before: who voted until now, ascending.
    """
    members = list(before)
    while len(members) > 1:
        losses = {out: _gain(known, [m for m in members if m != out], members) for out in members}
        worst = max(losses, key=lambda out: _surplus(losses[out], out))
        if _surplus(losses[worst], worst) <= 0.0:
            break
        members.remove(worst)
    while joining := {new: _gain(known, sorted([*members, new]), members) for new in _others(known, members)}:
        best = max(joining, key=lambda new: joining[new].excess)
        if not joining[best].excess > 0.0:
            break
        members = sorted([*members, best])
    return tuple(members), tuple(_seat(known, names, members, index) for index in range(len(names)))


def _surplus(gain: IcGain, family: int) -> float:
    """Return by how much the blend is better without a voter; the first is held to more than one standard error."""
    return gain.excess if family in FIRST else gain.mean


def _others(known: Votes, members: Sequence[int]) -> list[int]:
    return [index for index in range(known.votes.shape[1]) if index not in members]


def _gain(known: Votes, ours: Sequence[int], theirs: Sequence[int]) -> IcGain:
    return ic_gain(_mean(known, ours), _mean(known, theirs), known.target, known.open_ms)


def _mean(known: Votes, columns: Sequence[int]) -> np.ndarray:
    found: np.ndarray = known.votes[:, list(columns)].mean(axis=1)
    return found


def _seat(known: Votes, names: Sequence[str], members: Sequence[int], index: int) -> Seat:
    without = [member for member in members if member != index]
    gain = _gain(known, sorted([*without, index]), without) if without else IcGain(mean=np.nan, error=np.nan)
    return Seat(
        family=names[index],
        votes=index in members,
        ic=information_coefficient(known.votes[:, index], known.target),
        gain=gain.mean,
        error=gain.error,
        is_first=index in FIRST,
    )
