"""Cross-section, what a conviction takes from the other markets: the mean of all, and who is stronger than whom.

Coins move together, so the mean conviction says of each something that its own score has said with more noise. The
momentum across the markets is the other half: neutral, its parts add up to nothing. Both are functions of one close, so
nothing is remembered and no warm-up differs. Compiled leaves of `decisions.decide`.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from strategies.kernel.books import Books
from strategies.kernel.compiled import compiled
from strategies.kernel.state import StatusCode

LEAST_MARKETS: Final = 3  # from which some are stronger than others
MOST: Final = 2.5  # deviations of a momentum vote


@compiled
def hear_others(books: Books, strength: np.ndarray, decisions: np.ndarray) -> None:
    """Mix the other markets into the convictions of described decisions, as `[decision]` shares say, in place.

    Expected returns change in proportion: what the others say is taken at the models' own slope.

    Args:
        strength: (M,) float64, see `Scores`.
        decisions: (M,) DECISION.
    """
    if books.rules[0].universe_share > 0.0:
        _share_mean(books, decisions)
    if books.rules[0].momentum_share > 0.0:
        _add_momentum(books, strength, decisions)


@compiled
def _share_mean(books: Books, decisions: np.ndarray) -> None:
    total, count, share = 0.0, 0, books.rules[0].universe_share
    for m in range(len(decisions)):
        if _is_heard(books, m, decisions[m].conviction):
            total += decisions[m].conviction
            count += 1
    for m in range(len(decisions)):
        if count > 0:
            _say(decisions, m, (1.0 - share) * decisions[m].conviction + share * (total / count))


@compiled
def _add_momentum(books: Books, strength: np.ndarray, decisions: np.ndarray) -> None:
    total, count, share = 0.0, 0, books.rules[0].momentum_share
    for m in range(len(decisions)):
        if _is_heard(books, m, strength[m]):
            total += strength[m]
            count += 1
    if count < LEAST_MARKETS:
        return
    mean, squares = total / count, 0.0
    for m in range(len(decisions)):
        if _is_heard(books, m, strength[m]):
            squares += (strength[m] - mean) * (strength[m] - mean)
    deviation = math.sqrt(squares / count)
    if not deviation > 0.0:
        return
    both = math.sqrt(
        (1.0 - share) * (1.0 - share) + share * share
    )  # deviation of two votes that know nothing in common
    for m in range(len(decisions)):
        vote = 0.0
        if _is_heard(books, m, strength[m]):
            vote = min(max((strength[m] - mean) / deviation, -MOST), MOST)
        _say(decisions, m, ((1.0 - share) * decisions[m].conviction + share * vote) / both)


@compiled
def _is_heard(books: Books, m: int, value: float) -> bool:
    heard: bool = books.markets[m].status != StatusCode.GONE.value and math.isfinite(value)
    return heard


@compiled
def _say(decisions: np.ndarray, m: int, conviction: float) -> None:
    """Let a market have another conviction; one without a score keeps none."""
    row = decisions[m]
    own = row.conviction
    if own != 0.0 and not math.isnan(own):
        row.expected_return *= conviction / own
        if conviction * own < 0.0:
            row.agreement = -row.agreement
    row.conviction = conviction
