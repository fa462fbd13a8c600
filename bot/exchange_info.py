"""Exchange info: what people must know about the market that is traded, its exchange and name, whether it is a demo."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeInfo:
    """Where this daemon trades, for people."""

    exchange: str
    market_name: str  # "demo market (generated), planted edge: 24 h momentum"; or the exchange
    is_demo: bool
    account: str
    speed: float
