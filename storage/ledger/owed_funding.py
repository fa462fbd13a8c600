"""Owed funding: times whose rates an account's tape does not have; what comes late is charged after a restart, too."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np

from strategies.kernel.state import NO_RATE
from strategies.market import HOUR_MS, Market
from strategies.minute import AccountMinute

MOST = 32  # of one market, the newest


def owed_funding(minutes: Iterable[tuple[AccountMinute, Sequence[Market]]], count: int) -> tuple[tuple[int, ...], ...]:
    """Return per market the funding times of these minutes that no rate was charged for, ascending.

    Args:
        minutes: ascending, each with the markets after it.
        count: markets of the account by now.
    """
    owed: list[deque[int]] = [deque(maxlen=MOST) for _ in range(count)]
    for minute, markets in minutes:
        for late in minute.late_bars:
            if late.funding_e8 != NO_RATE and late.open_ms in owed[late.market]:
                owed[late.market].remove(late.open_ms)
        for index in map(int, np.flatnonzero(minute.funding_e8 != NO_RATE)):
            if not _settles(markets[index], minute.open_ms) and owed[index]:
                owed[index].popleft()  # a late one, which rides on any bar
        if minute.open_ms % HOUR_MS == 0:
            for index, market in enumerate(markets):
                if minute.funding_e8[index] == NO_RATE and _settles(market, minute.open_ms):
                    owed[index].append(minute.open_ms)
        for command in minute.commands:
            if command.kind in ("join", "leave"):
                owed[command.market].clear()
    return tuple(tuple(part) for part in owed)


def _settles(market: Market, open_ms: int) -> bool:
    interval_ms = market.funding_interval_ms
    return market.is_member and interval_ms > 0 and open_ms % interval_ms == 0
