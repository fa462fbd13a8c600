"""Coins left out: markets in groups, each scored by models that no market of its group has taught.

A score of a coin whose own past taught the model may know that coin; one of a coin left out can only know what coins
have in common. That is what a market listed tomorrow will get, and what many coins can prove together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from strategies.errors import BadInput

Groups = tuple[tuple[str, ...], ...]


def coin_groups(symbols: Sequence[str], count: int) -> Groups:
    """Return `count` groups of nearly equal size, by a digest of the names: nobody chose who stands with whom.

    Raises:
        BadInput: there are fewer markets than groups, or only one group.
    """
    if not 2 <= count <= len(symbols):
        raise BadInput(f"{count} groups of {len(symbols)} markets; at least 2 and at most one a market are needed")
    ordered = sorted(symbols, key=lambda symbol: hashlib.sha256(symbol.encode()).hexdigest())
    return tuple(tuple(sorted(ordered[start::count])) for start in range(count))


def panel_groups(teachers: Sequence[str], symbols: Sequence[str], count: int, least: int) -> Groups:
    """Return the groups of a training's panel; () where too few markets teach for coins to be left out.

    Args:
        teachers: markets that teach.
        symbols: all that are scored.
        count: of groups; under 2: no coin is left out.
        least: markets that make a panel.
    """
    return coin_groups(symbols, count) if count >= 2 and len(teachers) >= max(least, 2 * count) else ()


def one_group(symbols: Sequence[str]) -> Groups:
    """Return the one group of a walk that leaves no coin out."""
    return (tuple(symbols),)
