"""Trade summary: what a list of closed trades came to, for chat and digest. Money in quote, fractions as fractions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from storage.ledger.trades import Trade
from strategies.market import HOUR_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Sums over closed trades; `None` where no trade can say."""

    trades: int
    wins: int
    net: float  # after fees and funding
    gains: float
    losses: float  # >= 0
    fees: float
    funding: float  # > 0 paid
    average_hold_h: float | None
    best: Trade | None
    worst: Trade | None

    @property
    def win_rate(self) -> float | None:
        """Share of trades that closed net positive."""
        return self.wins / self.trades if self.trades else None

    @property
    def profit_factor(self) -> float | None:
        """Gains / losses; None without a loss."""
        return self.gains / self.losses if self.losses > 0 else None


def summarise(trades: Sequence[Trade]) -> Summary:
    """Return the sums of closed trades."""
    closed = [trade for trade in trades if trade.closed_ms is not None]
    holds_h = [(trade.closed_ms - trade.opened_ms) / HOUR_MS for trade in closed if trade.closed_ms is not None]
    return Summary(
        trades=len(closed),
        wins=sum(trade.net > 0 for trade in closed),
        net=sum(trade.net for trade in closed),
        gains=sum(trade.net for trade in closed if trade.net > 0),
        losses=-sum(trade.net for trade in closed if trade.net < 0),
        fees=sum(trade.fees for trade in closed),
        funding=sum(trade.funding for trade in closed),
        average_hold_h=sum(holds_h) / len(holds_h) if holds_h else None,
        best=max(closed, key=lambda trade: trade.net, default=None),
        worst=min(closed, key=lambda trade: trade.net, default=None),
    )
