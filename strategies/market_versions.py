"""The markets of an account through time: which rules each had when, so that old facts keep their meaning.

A ledger's integers are ticks and lots of the specification in force at their minute. Reads like the sequence of the
latest specifications; `at` answers for the past.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import overload

from strategies.market import Market

Version = tuple[int, Market]  # (from this minute on, the market)


class MarketVersions(Sequence[Market]):
    """Every version of every market, by index."""

    def __init__(self, versions: Sequence[Sequence[Version]]) -> None:
        """Take the versions of each market, ascending, at least one."""
        self._since = [[since_ms for since_ms, _ in part] for part in versions]
        self._markets = [[market for _, market in part] for part in versions]

    @classmethod
    def of(cls, markets: Sequence[Market]) -> MarketVersions:
        """Return the same, or markets that never changed as versions."""
        return markets if isinstance(markets, MarketVersions) else cls([[(0, market)] for market in markets])

    def at(self, index: int, ms: int) -> Market:
        """Return a market as it was at a minute; before its first version, the first."""
        return self._markets[index][max(0, bisect_right(self._since[index], ms) - 1)]

    def pieces(self, index: int, times_ms: Sequence[int]) -> list[tuple[int, int, Market]]:
        """Return (first, behind the last, market) of every stretch of ascending times in which it did not change."""
        borders = [bisect_left(times_ms, since_ms) for since_ms in self._since[index][1:]]
        edges = [0, *borders, len(times_ms)]
        stretches = zip(edges, edges[1:], self._markets[index], strict=False)
        return [(first, last, market) for first, last, market in stretches if first < last]

    def __len__(self) -> int:
        return len(self._markets)

    @overload
    def __getitem__(self, index: int) -> Market: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Market, ...]: ...
    def __getitem__(self, index: int | slice) -> Market | tuple[Market, ...]:
        if isinstance(index, slice):
            return tuple(part[-1] for part in self._markets[index])
        return self._markets[index][-1]
