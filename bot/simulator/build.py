"""From the configuration to a built-in exchange: what `sigma run` and `sigma exchange` start with."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from bot.simulator.conductor import Pace
from bot.simulator.generated import GeneratedMarket
from bot.simulator.server import ExchangeServer
from storage.config import Config
from strategies.market import MINUTE_MS


def exchange_server(config: Config, state_folder: Path | None) -> ExchangeServer:
    """Return the exchange that the configuration describes, not started, for a daemon in the same process.

    Raises:
        BadInput: a market or pace that cannot be.
    """
    return ExchangeServer(generated_market(config), pace(config), state_folder=state_folder, deflate=False)


def generated_market(config: Config) -> GeneratedMarket:
    """Return the invented market of `[simulator]` with the symbols of `[exchange]`."""
    simulator = config.simulator
    start = datetime.combine(simulator.start, datetime.min.time(), UTC)
    return GeneratedMarket(
        seed=simulator.seed,
        symbols=config.exchange.symbols,
        edge=simulator.edge,
        start_ms=int(start.timestamp()) * 1000,
        history_days=simulator.history_days,
        exchange=config.exchange.name,
    )


def pace(config: Config) -> Pace:
    """Return how fast the market runs; `exchange.speed` 0 means as fast as it is processed."""
    speed = config.exchange.speed or None
    is_brisk = speed is None or speed > 60
    return Pace(
        speed=speed,
        lead_ms=config.simulator.lead_minutes * MINUTE_MS,
        ticks_per_minute=0 if is_brisk else config.simulator.ticks_per_minute,
    )
