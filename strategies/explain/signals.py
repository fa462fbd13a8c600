"""Signals and refusals as people and programs see them.

A `Signal` is a trade worth its costs, a `Refusal` says why there is none. Both are values: nothing here computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from strategies.kernel.state import RefusalCode

_SENTENCES: Final = {
    RefusalCode.NONE: "nothing was refused",
    RefusalCode.WEAK: "the conviction is under the threshold",
    RefusalCode.COST: "the expected return does not pay the round-trip cost",
    RefusalCode.SIDE: "this side is switched off in the settings",
    RefusalCode.BLOCKED: "the side is blocked after its last stop or target",
    RefusalCode.COOLDOWN: "the market cools down after a losing trade",
    RefusalCode.PAUSED: "entries are paused by a person, or a commanded close is pending",
    RefusalCode.DAILY_LOSS: "the daily loss stop is in force until the next UTC day",
    RefusalCode.DRAWDOWN: "the drawdown stop is in force until a person unlocks it",
    RefusalCode.MAX_POSITIONS: "the account holds as many positions as it may",
    RefusalCode.LEVERAGE: "the account's leverage cap leaves no room",
    RefusalCode.TOO_SMALL: "the size is under the market's minimum order",
    RefusalCode.NOT_READY: "the market is not ready: a gap is open in its candles, or its warm-up is incomplete",
    RefusalCode.LATE: "the decision came too late after its candle's close; the entry is recorded as missed",
    RefusalCode.NO_SCORE: "no predictor gave a finite score",
    RefusalCode.HALTED: "the exchange has stopped the market",
    RefusalCode.LEAVING: "the market is about to leave the account",
    RefusalCode.GONE: "the market has left the account",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One LONG or SHORT worth taking, with all that a person needs to judge it.

    Attributes:
        symbol: canonical market name.
        signal: the side.
        decision_ms: close of the candle that decided.
        confidence: percentile of the conviction over the trailing 400 days, 0..1.
        probability: calibrated probability that the price moves with the side, 0..1; None without calibration.
        expected_return: over the horizon, signed fraction, shrunk; None for the trend rule.
        expected_hold_h: usual length of such trades, hours; None when unknown.
        win_rate: out-of-sample share of such trades that closed net positive; None when unknown.
        entry_price: last close, quote.
        stop_loss, take_profit: measured from the last close (the order's: from its fill). None: switched off.
        risk_reward: distance to the target / distance to the stop; None where one is missing.
        reasoning: "because: …; context: …".
        bundle: id of the bundle that decided.
        votes: standardised score by family; None: absent.
        age_s: seconds since the decision when this value was handed out.
        valid_until: UTC ms, when the next decision replaces it.
    """

    symbol: str
    signal: Literal["LONG", "SHORT"]
    decision_ms: int
    confidence: float
    probability: float | None
    expected_return: float | None
    expected_hold_h: float | None
    win_rate: float | None
    entry_price: float
    stop_loss: float | None
    take_profit: float | None
    risk_reward: float | None
    reasoning: str
    bundle: str
    votes: Mapping[str, float | None] = field(default_factory=dict)
    age_s: float = 0.0
    valid_until: int

    def __post_init__(self) -> None:
        side = 1 if self.signal == "LONG" else -1
        for name in ("confidence", "probability", "win_rate"):
            value = getattr(self, name)
            if value is not None and not 0.0 <= value <= 1.0:
                raise ValueError(f"{self.symbol}: {name} is {value}; a fraction 0..1 is needed")
        if not self.entry_price > 0:
            raise ValueError(f"{self.symbol}: entry_price is {self.entry_price}; a price > 0 is needed")
        if self.stop_loss is not None and side * self.stop_loss >= side * self.entry_price:
            raise ValueError(
                f"{self.symbol}: stop_loss {self.stop_loss:,} is not behind entry {self.entry_price:,} "
                f"for a {self.signal}"
            )
        if self.take_profit is not None and side * self.take_profit <= side * self.entry_price:
            raise ValueError(
                f"{self.symbol}: take_profit {self.take_profit:,} is not ahead of entry {self.entry_price:,} "
                f"for a {self.signal}"
            )
        if self.valid_until <= self.decision_ms:
            raise ValueError(
                f"{self.symbol}: valid_until {self.valid_until} is not after the decision {self.decision_ms}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a market that could have been entered was not, with the numbers beside it."""

    symbol: str
    decision_ms: int
    code: RefusalCode
    conviction: float
    enter: float
    expected_return: float | None
    cost: float
    votes: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """One sentence a person can read, with the values that decided."""
        match self.code:
            case RefusalCode.WEAK:
                return f"{describe_refusal(self.code)}: {abs(self.conviction):.2f} of {self.enter:.2f}"
            case RefusalCode.COST if self.expected_return is not None:
                expected, cost = abs(self.expected_return) * 1e4, self.cost * 1e4
                return f"{describe_refusal(self.code)}: {expected:.1f} bp against {cost:.1f} bp"
        return describe_refusal(self.code)


def describe_refusal(code: RefusalCode) -> str:
    """Return the refusal in words, without values."""
    return _SENTENCES[code]
