"""Isolated liquidation of a linear contract: where it happens and what is left.

Margin of a position is its cost / leverage. It is liquidated where margin + unrealised result = maintenance x notional:
LONG at E (1 - 1/L) / (1 - m), SHORT at E (1 + 1/L) / (1 + m), with E the average entry; it is bankrupt at E (1 -+ 1/L).
The loss never exceeds the margin: what lies beyond bankruptcy is the exchange's insurance fund's. Compiled leaves.
"""

from __future__ import annotations

from strategies.kernel.arithmetic import muldiv_ceil, muldiv_floor
from strategies.kernel.compiled import compiled
from strategies.market import RATE_ONE


@compiled
def liquidation_price(lots: int, cost: int, unit_value: int, leverage: int, maintenance_e8: int) -> int:
    """Return the trigger in ticks, rounded to be touched earlier; 0 where there is none (LONG without leverage).

    Args:
        lots: signed, not 0.
        cost: signed notional paid for them, units.
        unit_value, leverage, maintenance_e8: of the market.
    """
    if lots > 0:
        kept = muldiv_ceil(cost, (leverage - 1) * RATE_ONE, leverage * (RATE_ONE - maintenance_e8))
        return -(-kept // (lots * unit_value))
    return muldiv_floor(-cost, (leverage + 1) * RATE_ONE, leverage * (RATE_ONE + maintenance_e8)) // (
        -lots * unit_value
    )


@compiled
def bankruptcy_price(lots: int, cost: int, unit_value: int, leverage: int) -> int:
    """Return the worst price of a liquidation in ticks: beyond it the loss would exceed the margin."""
    if lots > 0:
        return max(1, -(-muldiv_ceil(cost, leverage - 1, leverage) // (lots * unit_value)))
    return muldiv_floor(-cost, leverage + 1, leverage) // (-lots * unit_value)
