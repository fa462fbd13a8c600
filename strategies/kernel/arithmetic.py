"""Exact integer arithmetic of the kernel: products divided without overflow, prices rounded against us.

Compiled leaves; they know nothing of accounts. Rates and distances are fractions x 1e8.
"""

from __future__ import annotations

from typing import Final

from strategies.kernel.compiled import compiled, inlined
from strategies.market import RATE_ONE

_SAFE: Final = float(2**62)  # |lots x price x unit_value| must stay below


@inlined
def muldiv_floor(a: int, b: int, c: int) -> int:
    """Return floor(a x b / c), exact wherever the result fits int64. c > 0."""
    quotient, rest = a // c, a % c
    if float(rest) * abs(float(b)) < _SAFE:
        return quotient * b + rest * b // c
    if b >= 0:
        whole, _ = _long_division(rest, b, c)
        return quotient * b + whole
    whole, left = _long_division(rest, -b, c)
    return quotient * b - whole - (1 if left else 0)


@compiled
def muldiv_ceil(a: int, b: int, c: int) -> int:
    """Return ceil(a x b / c), exact wherever the result fits int64. c > 0."""
    return -muldiv_floor(-a, b, c)


@compiled
def _long_division(a: int, b: int, c: int) -> tuple[int, int]:
    """Return (a x b // c, a x b % c) for 0 <= a < c < 2**62 and b >= 0, one bit of b at a time."""
    whole, rest = 0, 0
    for bit in range(62, -1, -1):
        whole, rest = whole * 2, rest * 2
        if rest >= c:
            whole, rest = whole + 1, rest - c
        if (b >> bit) & 1:
            rest += a
            if rest >= c:
                whole, rest = whole + 1, rest - c
    return whole, rest


@compiled
def overflows(lots: int, price: int, unit_value: int) -> bool:
    """Tell whether |lots x price x unit_value| would reach 2**62 units."""
    return abs(float(lots)) * abs(float(price)) * float(unit_value) >= _SAFE


@compiled
def slipped(price: int, slippage_e8: int, direction: int) -> int:
    """Return the price of a market order on the tick against us, at least 1: `direction` +1 buys, -1 sells."""
    if direction > 0:
        return price + muldiv_ceil(price, slippage_e8, RATE_ONE)
    return max(1, price - muldiv_ceil(price, slippage_e8, RATE_ONE))


@inlined
def nearer(price: int, distance_e8: int, side: int) -> int:
    """Return the trigger `distance_e8` behind `price` for `side`, rounded to be touched earlier; 0 if none."""
    if distance_e8 <= 0:
        return 0
    return max(0, price - side * muldiv_floor(price, distance_e8, RATE_ONE))


@compiled
def farther(price: int, distance_e8: int, side: int) -> int:
    """Return the trigger `distance_e8` ahead of `price` for `side`, rounded to be touched later; 0 if none."""
    if distance_e8 <= 0:
        return 0
    return max(0, price + side * muldiv_ceil(price, distance_e8, RATE_ONE))
