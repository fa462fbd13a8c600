"""The step of the world: one account minute, everything that goes in, and what comes out.

Built by the feed, completed by the trader (commands, lateness), stored on the tape, consumed by the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from strategies.kernel.state import NO_RATE
from strategies.market import CandleArray, Market

if TYPE_CHECKING:
    from strategies.predictors.base import PreparedSlice

LIFECYCLE: Final = ("join", "change", "leave")  # applied before the minute's bars, which are in the new units


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something a person, the swap or the exchange did to the account.

    `close` and `unlock` may name a market index (-1: all); `swap` names a bundle id; all of these are applied after
    the minute's marks. `join`, `change` and `leave` name a market index and its new specification and are applied
    before the minute's bars.

    Attributes:
        spec: the market from this minute on; of `leave` with the status LEAVING or GONE.
        settled_at: of a delisting: the exchange's settlement price in ticks, 0: the last mark.
        why: for people.
        given: of `join`: (n, 6) closed decision candles before the minute. Kept as candles, not in the command.
    """

    kind: Literal["pause", "resume", "close", "stop", "unlock", "swap", "join", "change", "leave"]
    market: int = -1
    bundle: str = ""
    by: str = ""  # "telegram:123", "web", "cli", "promotion", "exchange"
    spec: Market | None = None
    settled_at: int = 0
    why: str = ""
    given: CandleArray | None = field(default=None, compare=False, repr=False)

    @property
    def is_lifecycle(self) -> bool:
        return self.kind in LIFECYCLE

    def document(self) -> dict[str, Any]:
        """Return the command as plain JSON, without the candles it brings."""
        document: dict[str, Any] = {"kind": self.kind, "market": self.market, "bundle": self.bundle, "by": self.by}
        if self.spec is not None:
            document |= {"spec": self.spec.document(), "settled_at": self.settled_at, "why": self.why}
        return document

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> Command:
        """Return the command of a `document`; a join lacks its candles."""
        spec = document.get("spec")
        return cls(**(document | {"spec": None if spec is None else Market.of_document(spec)}))


@dataclass(frozen=True, slots=True, kw_only=True)
class LateBar:
    """A candle that came after its minute had been closed without it; settled before the minute that carries it."""

    market: int
    open_ms: int
    bar: np.ndarray  # (5,) int64
    funding_e8: int = NO_RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountMinute:
    """The closed 1m candles of all markets of an account for one minute, in fixed order.

    Attributes:
        open_ms: open of the minute, UTC ms.
        bars: (markets, 5) int64: open, high, low, close in ticks, volume in lots; zeros where absent.
        present: (markets,) bool.
        funding_e8: (markets,) int64: rate that settles at this open, or NO_RATE.
        late_bars: earlier bars that were absent in their own minute, ascending.
        late: taken longer than max_decision_age after its close: entries are recorded as missed.
        not_ready: (markets,) bool: a gap is open or was just closed; no entry there.
        commands: in order; lifecycle commands before the minute's bars, all others after its marks.
    """

    open_ms: int
    bars: np.ndarray
    present: np.ndarray
    funding_e8: np.ndarray
    late_bars: Sequence[LateBar] = ()
    late: bool = False
    not_ready: np.ndarray | None = None
    commands: tuple[Command, ...] = field(default=())

    def __post_init__(self) -> None:
        markets = len(self.bars)
        if self.open_ms % 60_000:
            raise ValueError(f"minute {self.open_ms} is not on the minute grid")
        if self.bars.shape != (markets, 5) or self.present.shape != (markets,) or self.funding_e8.shape != (markets,):
            raise ValueError(
                f"minute {self.open_ms}: bars {self.bars.shape}, present {self.present.shape}, "
                f"funding {self.funding_e8.shape}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one account minute produced.

    Attributes:
        minute_ms: open of the minute.
        facts: (k,) FACT, in order.
        decisions: (markets,) DECISION when the minute completed a decision candle, else None.
        prepared: per market what was scored, or None; for reasons and displays.
        candles: completed decision candles as (market index, (6,) float64).
        equity, cash, gross: units at the minute's marks.
        markets: the account's markets after the minute's lifecycle commands.
    """

    minute_ms: int
    facts: np.ndarray
    decisions: np.ndarray | None
    prepared: tuple[PreparedSlice | None, ...]
    candles: tuple[tuple[int, np.ndarray], ...]
    equity: int
    cash: int
    gross: int
    markets: tuple[Market, ...]
