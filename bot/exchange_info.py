"""Exchange info: what people must know about the market that is traded, its exchange and name, whether it is a demo."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeInfo:
    """Where this daemon trades, for people.

    Attributes:
        market_name: "demo market (generated prices with a built-in edge)"; or the exchange.
        stands_after_s: real seconds without an account minute after which a market stands whose clock waits for us, so
            that its own time says nothing; infinity: its clock goes on by itself.
    """

    exchange: str
    market_name: str
    is_demo: bool
    account: str
    speed: float
    stands_after_s: float = math.inf
