"""What a way of sizing a book is worth beside the fixed rule: the same days, the same scores, costs on.

A walk forward in time: before every year the way is asked anew for who chooses in it, and the account goes on. Nothing
here knows how a chooser came to be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from training.ensemble.removal import Removal, removal_of
from training.evidence.performance import sharpe
from training.sizing.account import BookAccount
from training.sizing.environment import Past
from training.sizing.levels import DEFAULT, SHAPE, choice_of
from training.sizing.observation import observe

Action = tuple[int, int, int]
Chooser = Callable[[np.ndarray], Action]
SEED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A chooser and the days it answers for, the last one left out."""

    first: int
    until: int
    chooser: Chooser


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """Days of one account.

    Attributes:
        days: (d,) numbers within the run.
        returns: (d,) net, fractions.
        turnovers: (d,) traded notional over equity.
        taken: for each kind of level, the share of days on which each was chosen.
    """

    days: np.ndarray
    returns: np.ndarray
    turnovers: np.ndarray
    taken: tuple[np.ndarray, ...]

    @property
    def sharpe(self) -> float:
        return sharpe(self.returns)

    @property
    def turnover(self) -> float:
        """Traded notional over equity, a day, mean."""
        return float(self.turnovers.mean())

    def ahead_of(self, other: Lived) -> Removal:
        """Return the paired difference of the net Sharpe ratios, with its standard error."""
        return removal_of("", self.returns, other.returns, seed=SEED)


def live(past: Past, terms: Sequence[Term]) -> Lived:
    """Let one chooser after the other size the account of the fixed rule from the first term's first day on.

    Args:
        past: the book and its fixed rule.
        terms: adjacent, ascending.
    """
    first, until = terms[0].first, terms[-1].until
    account, last = BookAccount(past.book, past.standings[first]), DEFAULT
    taken = [np.zeros(count) for count in SHAPE]
    for term in terms:
        while account.day < term.until:
            if isinstance(term.chooser, Always):
                last, days = term.chooser.action, term.until - account.day
            else:
                last, days = term.chooser(observe(account, past.market, last, account.day - first)), 1
            account.live(choice_of(last), days)
            for kind, level in enumerate(last):
                taken[kind][level] += days
    return Lived(
        days=np.arange(first, until),
        returns=np.expm1(account.returns[first:until]),
        turnovers=account.turnovers[first:until].copy(),
        taken=tuple(part / (until - first) for part in taken),
    )


@dataclass(frozen=True, slots=True)
class Always:
    """Who always chooses the same; such days are lived through at once."""

    action: Action

    def __call__(self, seen: np.ndarray) -> Action:
        return self.action


def by_chance(seed: int) -> Chooser:
    """Return who chooses every level with the same probability, anew every day."""
    rng = np.random.default_rng(seed)

    def choose(seen: np.ndarray) -> Action:
        gross, band, least = (int(rng.integers(count)) for count in SHAPE)
        return gross, band, least

    return choose


def verdict(name: str, differences: Sequence[Removal]) -> str:
    """Return in words whether a way of sizing is ahead of the fixed rule, at every kind of costs it was asked at."""
    said = ", ".join(f"{part.difference:+.2f} ± {part.error:.2f}" for part in differences)
    if all(part.difference > part.error for part in differences):
        return f"{name} is ahead of the fixed rule by more than one standard error ({said}): it has earned a say"
    if all(part.difference < -part.error for part in differences):
        return f"{name} is behind the fixed rule by more than one standard error ({said}): it weighs nothing"
    return f"{name} is not ahead of the fixed rule by more than one standard error ({said}): it weighs nothing"
