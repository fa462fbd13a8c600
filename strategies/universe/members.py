"""Membership over time: selections one after another over history, each from what was known at its own time.

The same `select` that decides live, fed with candles closed by then: neither today's list nor the survivors' is ever
used for the past.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.market import DAY_MS
from strategies.universe.selection import Candidate, Selection, Verdict, select
from strategies.universe.settings import UniverseSettings
from strategies.universe.turnover import Turnover


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """The universe over a time.

    Attributes:
        times_ms: (r,) int64 ascending: when each selection takes hold.
        selections: r of them.
    """

    times_ms: np.ndarray
    selections: tuple[Selection, ...]

    @property
    def ever(self) -> tuple[str, ...]:
        """Every market that was ever a member, in order of its first day, then by size."""
        return tuple(dict.fromkeys(symbol for part in self.selections for symbol in part.members))

    def at(self, ms: int) -> Selection | None:
        """Return the selection that holds at a time; None before the first."""
        row = int(np.searchsorted(self.times_ms, ms, side="right")) - 1
        return self.selections[row] if row >= 0 else None

    def is_member(self, symbol: str, times_ms: np.ndarray) -> np.ndarray:
        """Return (n,) bool for (n,) times."""
        belongs = np.array([False, *(symbol in part.members for part in self.selections)])
        return belongs[np.searchsorted(self.times_ms, times_ms, side="right")]

    @property
    def changes(self) -> tuple[tuple[int, Verdict], ...]:
        """Every join and leave with its time, in order."""
        pairs = zip(self.times_ms.tolist(), self.selections, strict=True)
        return tuple((ms, verdict) for ms, part in pairs for verdict in part.changes)


def members_over(turnovers: Sequence[Turnover], settings: UniverseSettings, times_ms: Sequence[int]) -> Members:
    """Return who would have been selected at each of these times.

    Args:
        turnovers: of every market whose candles are known, delisted ones among them.
        settings: the rules.
        times_ms: ascending, UTC ms.
    """
    selections: list[Selection] = []
    members: tuple[str, ...] = ()
    for at_ms in times_ms:
        found = select(known_at(turnovers, settings, at_ms), settings, members)
        selections.append(found)
        members = found.members
    return Members(times_ms=np.array(times_ms, np.int64), selections=tuple(selections))


def known_at(turnovers: Sequence[Turnover], settings: UniverseSettings, at_ms: int) -> list[Candidate]:
    """Return the markets that had begun by a time, as candles closed by then describe them."""
    return [
        Candidate(
            symbol=part.symbol,
            quote_volume=part.median(at_ms, settings.volume_days),
            age_d=(at_ms - part.first_ms) / DAY_MS,
            is_trading=_traded_lately(part, at_ms),
        )
        for part in turnovers
        if part.first_ms < at_ms
    ]


def _traded_lately(part: Turnover, at_ms: int) -> bool:
    """Tell whether a market had a candle on the last whole day before a time."""
    row = int(np.searchsorted(part.days, at_ms // DAY_MS)) - 1
    return row >= 0 and int(part.days[row]) == at_ms // DAY_MS - 1
