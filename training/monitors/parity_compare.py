"""Trade by trade: what the ledger says of a day beside what the backtest says, and the cause of each difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from strategies.kernel.state import FactKind, Reason
from training.backtest.run_candles import moment
from training.monitors.parity_day import ACCOUNT_WIDE, Cause

FIELDS = {
    "kind": "kind",
    "ms": "time",
    "lots": "quantity",
    "price": "price",
    "fee": "fee",
    "cash_flow": "cash",
    "reason": "reason",
    "rate_e8": "funding rate",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The fills and funding of one round trip on one day: (k,) FACT, in order."""

    name: str
    market: int
    facts: np.ndarray

    @property
    def fills(self) -> int:
        return int((self.facts["kind"] == FactKind.FILL).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A trade that is not the same in both. `cause` is empty when nothing on the tape explains it."""

    trade: str
    ms: int
    what: str
    cause: str


def rounds(facts: np.ndarray, symbols: Sequence[str]) -> dict[tuple[int, int], Round]:
    """Return the round trips among (n,) FACT by (market, number)."""
    chosen = facts[np.isin(facts["kind"], (FactKind.FILL, FactKind.FUNDING))]
    found = {}
    for market, number in sorted({(int(fact["market"]), int(fact["trade"])) for fact in chosen}):
        part = chosen[(chosen["market"] == market) & (chosen["trade"] == number)]
        found[market, number] = Round(name=f"{symbols[market]}-{number}", market=market, facts=part)
    return found


def compare_rounds(
    live: Mapping[tuple[int, int], Round], replayed: Mapping[tuple[int, int], Round], causes: Sequence[Cause]
) -> list[Difference]:
    """Return the differing trades in the order of time.

    A cause explains what differs from then on: on its market, and by the equity that sizes them, on all others.
    """
    found = []
    for key in live.keys() | replayed.keys():
        for ms, what in _first_difference(live.get(key), replayed.get(key)):
            part = live.get(key) or replayed[key]
            found.append((ms, part.market, part.name, what))
    return [
        Difference(trade=name, ms=ms, what=what, cause=_cause(ms, market, causes))
        for ms, market, name, what in sorted(found)
    ]


def _first_difference(live: Round | None, replayed: Round | None) -> Iterator[tuple[int, str]]:
    if live is None or replayed is None:
        part = replayed if live is None else live
        assert part is not None
        yield int(part.facts["ms"][0]), "only in the backtest" if live is None else "only in the ledger"
        return
    for mine, theirs in zip(live.facts, replayed.facts, strict=False):
        for name, told in FIELDS.items():
            if mine[name] != theirs[name]:
                values = f"{_shown(name, mine)} live, {_shown(name, theirs)} in the backtest"
                yield min(int(mine["ms"]), int(theirs["ms"])), f"another {told}: {values}"
                return
    if len(live.facts) != len(replayed.facts):
        longer = max(live, replayed, key=lambda part: len(part.facts))
        last = longer.facts[min(len(live.facts), len(replayed.facts))]
        yield int(last["ms"]), f"{len(live.facts)} facts in the ledger, {len(replayed.facts)} in the backtest"


def _shown(name: str, fact: np.void) -> str:
    value = int(fact[name])
    match name:
        case "reason":
            return Reason(value).name.lower().replace("_", " ")
        case "kind":
            return FactKind(value).name.lower()
        case "ms":
            return moment(value)
    return f"{value}"


def _cause(ms: int, market: int, causes: Sequence[Cause]) -> str:
    """Return the newest cause on this market by `ms`, else on the account, else on another market."""
    before = [cause for cause in causes if cause.ms <= ms]
    for chosen in (
        [cause for cause in before if cause.market == market],
        [cause for cause in before if cause.market == ACCOUNT_WIDE],
        before,
    ):
        if chosen:
            return f"{chosen[-1].what} at {chosen[-1].time}"
    return ""
