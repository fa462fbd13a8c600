"""A backtest's result in one sentence. Thresholds stand here, words follow from numbers, and "not proven" is normal."""

from __future__ import annotations

import math
from dataclasses import dataclass

from storage.terminal.words import counted

FEWEST_DAYS = 90.0
FEWEST_TRADES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a verdict is made of.

    Attributes:
        is_seen: the model was trained on these bars.
        days: length of the run.
        trades: closed.
        total_return: net, fraction.
        sharpe: annual, net; NaN without variance.
        sharpe_low, sharpe_high: 95 % bootstrap interval.
        holding_sharpe: of buy-and-hold over the same bars.
        record_years: how long such a Sharpe must go on to be told from luck; infinite if not above zero.
    """

    is_in_sample: bool
    days: float
    trades: int
    total_return: float
    sharpe: float
    sharpe_low: float
    sharpe_high: float
    holding_sharpe: float
    record_years: float


def verdict(evidence: Evidence) -> str:
    """Return the sentence."""
    earned = f"{100 * evidence.total_return:+.1f} % net in {counted(evidence.days, 'day')}"
    if evidence.is_in_sample:
        return f"SEEN: the model was trained on these bars, so {earned} is no evidence of anything."
    if not evidence.trades:
        return f"No closed trade: nothing to judge ({earned})."
    if evidence.days < FEWEST_DAYS or evidence.trades < FEWEST_TRADES:
        return f"Too little to judge: {counted(evidence.trades, 'trade')}, {earned}."
    interval = f"Sharpe {evidence.sharpe:.2f}, 95 % interval {evidence.sharpe_low:.2f} to {evidence.sharpe_high:.2f}"
    if not evidence.sharpe > 0:
        return f"No edge found: {earned} ({interval})."
    if evidence.sharpe_low <= 0:
        years = "" if math.isinf(evidence.record_years) else f"; {evidence.record_years:.1f} years would be needed"
        return f"Not proven: {earned}, but luck could explain it ({interval}{years})."
    if evidence.sharpe <= evidence.holding_sharpe:
        return f"Above zero, not above buy-and-hold (Sharpe {evidence.holding_sharpe:.2f}): {earned} ({interval})."
    return (
        f"More than luck on these bars, at 95 %: {earned} ({interval}; buy-and-hold {evidence.holding_sharpe:.2f}). "
        "How many variants were tried is not counted here."
    )
