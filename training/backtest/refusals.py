"""Refusals: why no trade was made, the kernel's counted, in the words that the live bot uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from storage.terminal.words import counted
from strategies.kernel.state import RefusalCode

FEW_TRADES: Final = 30
_WORDS: Final = {
    "weak": "conviction under decision.enter",
    "cost": "the expected return does not pay the costs",
    "side": "side not allowed",
    "blocked": "blocked after a stop or target on this side",
    "cooldown": "cooling down after an exit",
    "paused": "paused",
    "daily_loss": "daily loss stop",
    "drawdown": "drawdown stop",
    "max_positions": "all position slots taken",
    "leverage": "the leverage cap leaves no room",
    "too_small": "under the market's minimum: one lot is more than the size wanted",
    "not_ready": "warm-up incomplete or candles missing",
    "late": "the decision came too late",
    "no_score": "a model gave no score",
    "halted": "market halted",
    "leaving": "market about to leave",
}


def tally(decisions: np.ndarray) -> dict[str, int]:
    """Return how often each refusal was given, the most frequent first, by the kernel's names in lower case.

    Args:
        decisions: records of `DECISION`, of any shape.
    """
    codes, counts = np.unique(decisions["refusal"], return_counts=True)
    named = {RefusalCode(int(code)).name.lower(): int(count) for code, count in zip(codes, counts, strict=True)}
    named.pop("none", None)
    return dict(sorted(named.items(), key=lambda pair: -pair[1]))


def few_trades(trades: int, refusals: Mapping[str, int]) -> list[str]:
    """Return the line that explains few trades; nothing where there are enough or nothing was refused."""
    if trades >= FEW_TRADES or not refusals:
        return []
    parts = [f"{count:,} x {_WORDS.get(name, name)}" for name, count in refusals.items()]
    refused = counted(sum(refusals.values()), "time")
    return [f"{counted(trades, 'trade')}; entries were refused {refused}: {', '.join(parts)}"]
